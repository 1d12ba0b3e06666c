package io.tandem.retarget;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;

/**
 * A fat binary: one compilation unit's GPU code for several architectures, one entry for each. A
 * header of {u32 magic, u16 version, u16 header size, u64 payload size}, then entries of {u16 kind,
 * u16 version, u32 header size, u64 stored size, u32 compressed size at 16, u16 version of the kind
 * at 24, u16 1 at 26, u32 architecture at 28, u64 flags at 40, u64 plain size at 56}.
 *
 * @param offset of its header in the file
 * @param headerSize bytes of its header
 * @param payloadSize bytes of its entries
 */
record FatBinary(long offset, int headerSize, long payloadSize, List<FatBinary.Entry> entries) {
  static final int MAGIC = 0xBA55ED50;
  static final int HEADER = 16;
  static final int ENTRY_HEADER = 64;

  private static final int PTX = 1;
  private static final int CUBIN = 2;
  private static final int VERSION = 0x101;

  /** 64-bit code, made on Linux. */
  private static final long FLAGS = 0x11;

  private static final long LZ4 = 0x2000;
  private static final long ZSTANDARD = 0x8000;

  /** What an entry holds. */
  enum Kind {
    /** Text for any GPU from an architecture on, to be assembled. */
    PTX,
    /** An ELF file with machine code of one architecture. */
    CUBIN,
    OTHER
  }

  /**
   * Code for one architecture.
   *
   * @param arch 90 for sm_90 and compute_90
   * @param offset of its header in the file
   * @param storedSize bytes behind the header, padded to 8
   * @param compressedSize bytes of an LZ4 block; 0 where the code is not compressed
   * @param plainSize bytes once decompressed
   */
  record Entry(
      Kind kind,
      int arch,
      long offset,
      int headerSize,
      long storedSize,
      int compressedSize,
      long plainSize,
      long flags) {

    /** The code, decompressed; PTX without the zeros that end it. */
    byte[] code(Bytes bytes) {
      boolean packed = (flags & LZ4) != 0;
      int length = packed ? compressedSize : (int) storedSize;
      byte[] stored = bytes.array(offset + headerSize, length);
      byte[] plain = packed ? decompress(stored) : stored;
      return kind == Kind.PTX ? withoutZeros(plain) : plain;
    }

    private byte[] decompress(byte[] block) {
      byte[] plain = new byte[(int) plainSize];
      int length;
      try {
        length = LZ4Factory.safeInstance().safeDecompressor().decompress(block, plain);
      } catch (LZ4Exception e) {
        throw new RetargetException(
            "the code at offset %d is damaged: it is no LZ4 block".formatted(offset), e);
      }
      if (length != plain.length) {
        throw new RetargetException(
            "the code at offset %d is damaged: expected %d bytes, found %d"
                .formatted(offset, plain.length, length));
      }
      return plain;
    }

    private static byte[] withoutZeros(byte[] text) {
      int length = text.length;
      while (length > 0 && text[length - 1] == 0) {
        length--;
      }
      return Arrays.copyOf(text, length);
    }
  }

  /**
   * Reads the headers of one fat binary.
   *
   * @param limit end of the section that holds it
   */
  static FatBinary read(Bytes bytes, long offset, long limit) {
    ByteBuffer header = bytes.read(offset, HEADER);
    int headerSize = Short.toUnsignedInt(header.getShort(6));
    long payloadSize = header.getLong(8);
    if (header.getInt(0) != MAGIC
        || headerSize < HEADER
        || payloadSize < 0
        || payloadSize > limit - offset - headerSize) {
      throw new RetargetException(
          "expected a fat binary at offset %d, found something else".formatted(offset));
    }
    List<Entry> entries = new ArrayList<>();
    long end = offset + headerSize + payloadSize;
    for (long at = offset + headerSize; at < end; ) {
      Entry entry = readEntry(bytes, at, end);
      entries.add(entry);
      at += entry.headerSize() + entry.storedSize();
    }
    return new FatBinary(offset, headerSize, payloadSize, List.copyOf(entries));
  }

  private static Entry readEntry(Bytes bytes, long at, long end) {
    if (end - at < ENTRY_HEADER) {
      throw new RetargetException("the fat binary's entry at offset %d is cut off".formatted(at));
    }
    ByteBuffer header = bytes.read(at, ENTRY_HEADER);
    Kind kind =
        switch (header.getShort(0)) {
          case PTX -> Kind.PTX;
          case CUBIN -> Kind.CUBIN;
          default -> Kind.OTHER;
        };
    Entry entry =
        new Entry(
            kind,
            header.getInt(28),
            at,
            header.getInt(4),
            header.getLong(8),
            header.getInt(16),
            header.getLong(56),
            header.getLong(40));
    boolean fits =
        entry.headerSize() >= ENTRY_HEADER
            && entry.storedSize() >= 0
            && entry.storedSize() <= Math.min(Integer.MAX_VALUE, end - at - entry.headerSize())
            && entry.compressedSize() >= 0
            && entry.compressedSize() <= entry.storedSize()
            && entry.plainSize() >= 0
            && entry.plainSize() <= Integer.MAX_VALUE - 8;
    if (!fits) {
      throw new RetargetException(
          "the fat binary's entry at offset %d is damaged: %s".formatted(at, entry));
    }
    if ((entry.flags() & ZSTANDARD) != 0) {
      throw new RetargetException(
          "expected code that is plain or an LZ4 block at offset %d, found flags 0x%x"
              .formatted(at, entry.flags()));
    }
    return entry;
  }

  /** Bytes from its header to its end. */
  long size() {
    return headerSize + payloadSize;
  }

  /** The entry whose PTX is for the newest architecture. */
  Optional<Entry> ptx() {
    return newest(Kind.PTX);
  }

  /** The machine code for the newest architecture. */
  Optional<Entry> cubin() {
    return newest(Kind.CUBIN);
  }

  private Optional<Entry> newest(Kind kind) {
    return entries.stream()
        .filter(entry -> entry.kind() == kind)
        .max(Comparator.comparingInt(Entry::arch));
  }

  /**
   * A fat binary with machine code for one architecture and nothing else, compressed.
   *
   * @param arch 90 for sm_90
   * @param cubin what the assembler wrote
   */
  static byte[] encode(int arch, byte[] cubin) {
    byte[] block = LZ4Factory.safeInstance().highCompressor().compress(cubin);
    int stored = (block.length + 7) / 8 * 8;
    ByteBuffer out =
        ByteBuffer.allocate(HEADER + ENTRY_HEADER + stored).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(MAGIC).putShort((short) 1).putShort((short) HEADER);
    out.putLong(ENTRY_HEADER + (long) stored);
    out.putShort((short) CUBIN).putShort((short) VERSION).putInt(ENTRY_HEADER).putLong(stored);
    out.putInt(block.length).putInt(0);
    // As NVIDIA's own tools: the version of an entry with machine code is the ELF file's ABI
    // version.
    out.putShort(cubin[8]).putShort((short) 1).putInt(arch);
    out.putLong(0).putLong(FLAGS | LZ4).putLong(0).putLong(cubin.length);
    out.put(block);
    return out.array();
  }
}
