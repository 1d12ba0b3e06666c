package io.tandem.retarget;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A shared library with GPU code. Its section {@code .nv_fatbin} holds fat binaries; {@code
 * .nvFatBinSegment} holds a wrapper {u32 magic, u32 version, u64 address of the fat binary, u64}
 * for each, which is what the CUDA runtime registers when the library is loaded.
 */
final class CudaLibrary implements Closeable {
  static final String CODE = ".nv_fatbin";
  static final String WRAPPERS = ".nvFatBinSegment";
  static final int WRAPPER_MAGIC = 0x466243b1;
  static final int WRAPPER = 24;

  private static final int RELOCATION = 24;
  private static final int RELATIVE = 8;

  private final FileChannel file;
  private final ElfFile elf;
  private final ElfFile.Section code;
  private final List<FatBinary> fatBinaries;

  private CudaLibrary(FileChannel file) throws IOException {
    this.file = file;
    elf = ElfFile.of(Bytes.of(file));
    code = elf.required(CODE);
    fatBinaries = readFatBinaries();
  }

  /**
   * Opens a library and reads all headers in it.
   *
   * @throws RetargetException if it is no library with GPU code, or damaged
   */
  static CudaLibrary open(Path path) throws IOException {
    FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
    try {
      return new CudaLibrary(file);
    } catch (RetargetException e) {
      file.close();
      throw new RetargetException(path + ": " + e.getMessage(), e);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private List<FatBinary> readFatBinaries() {
    ElfFile.Section wrappers = elf.required(WRAPPERS);
    ByteBuffer content = elf.content(wrappers);
    Map<Long, Long> relocated = relocations(wrappers);
    List<FatBinary> result = new ArrayList<>();
    for (int at = 0; at + WRAPPER <= content.limit(); at += WRAPPER) {
      if (content.getInt(at) != WRAPPER_MAGIC) {
        throw new RetargetException(
            "expected a wrapper at %d of %s, found 0x%x"
                .formatted(at, WRAPPERS, content.getInt(at)));
      }
      long place = wrappers.address() + at + 8;
      long address = relocated.getOrDefault(place, content.getLong(at + 8));
      if (!code.holds(address)) {
        throw new RetargetException(
            "expected an address in %s, found 0x%x in wrapper %d"
                .formatted(CODE, address, at / WRAPPER));
      }
      long offset = address - code.address() + code.offset();
      result.add(FatBinary.read(elf.bytes(), offset, code.end()));
    }
    result.sort(Comparator.comparingLong(FatBinary::offset));
    for (int i = 1; i < result.size(); i++) {
      if (result.get(i - 1).offset() + result.get(i - 1).size() > result.get(i).offset()) {
        throw new RetargetException("fat binaries overlap at offset " + result.get(i).offset());
      }
    }
    return List.copyOf(result);
  }

  /** By address, what the dynamic linker writes there relative to where the library was loaded. */
  private Map<Long, Long> relocations(ElfFile.Section within) {
    Map<Long, Long> result = new HashMap<>();
    for (ElfFile.Section section : elf.sections()) {
      if (section.type() != ElfFile.RELOCATIONS) {
        continue;
      }
      ByteBuffer table = elf.content(section);
      for (int at = 0; at + RELOCATION <= table.limit(); at += RELOCATION) {
        long place = table.getLong(at);
        if (table.getInt(at + 8) == RELATIVE && within.holds(place)) {
          result.put(place, table.getLong(at + 16));
        }
      }
    }
    return result;
  }

  Bytes bytes() {
    return elf.bytes();
  }

  ElfFile elf() {
    return elf;
  }

  /** The section with all fat binaries. */
  ElfFile.Section code() {
    return code;
  }

  /** In the order in which they lie in the file. */
  List<FatBinary> fatBinaries() {
    return fatBinaries;
  }

  /** Copies a part of the file to the same place in another. */
  void copyTo(FileChannel target, long from, long to) throws IOException {
    target.position(from);
    for (long at = from; at < to; ) {
      long copied = file.transferTo(at, to - at, target);
      if (copied <= 0) {
        throw new IOException("the library became shorter while it was copied");
      }
      at += copied;
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
