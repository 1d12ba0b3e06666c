package io.tandem.retarget;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import net.jpountz.lz4.LZ4Factory;

/** A small shared library with GPU code, as nvcc lays it out, and what would assemble it. */
final class TestLibrary {
  private static final int CUDA = 190;
  private static final int X86 = 62;

  private TestLibrary() {}

  /** PTX that defines kernels and a variable in constant memory. */
  static String ptx(String... kernels) {
    StringBuilder text =
        new StringBuilder(
            ".version 7.2\n.target sm_86\n.address_size 64\n.const .align 1 .b8 table[8];\n");
    for (String kernel : kernels) {
      text.append(".visible .entry ").append(kernel).append("(\n)\n{\n\tret;\n}\n");
    }
    return text.toString();
  }

  /** Machine code that defines kernels and the variable. */
  static byte[] cubin(String... kernels) {
    TestElf elf = new TestElf(CUDA);
    ByteArrayOutputStream names = new ByteArrayOutputStream();
    names.write(0);
    ByteBuffer symbols = TestElf.buffer((kernels.length + 3) * 24);
    for (int i = 0; i < kernels.length; i++) {
      symbol(symbols, (i + 1) * 24, names, kernels[i], 2, 0x10);
    }
    symbol(symbols, (kernels.length + 1) * 24, names, "table", 1, 0);
    // A function that no host can launch.
    symbol(symbols, (kernels.length + 2) * 24, names, "helper", 2, 0);
    int strings = elf.add(".strtab", ElfFile.STRING_TABLE, names.toByteArray(), 0);
    elf.add(".symtab", ElfFile.SYMBOL_TABLE, TestElf.array(symbols), strings);
    elf.add(".text", 1, new byte[200], 0);
    return elf.bytes();
  }

  private static void symbol(
      ByteBuffer table, int at, ByteArrayOutputStream names, String name, int type, int other) {
    table.putInt(at, names.size()).put(at + 4, (byte) type).put(at + 5, (byte) other);
    table.putShort(at + 6, (short) 1);
    names.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    names.write(0);
  }

  /** A fat binary of machine code for sm_80 and sm_86 and of PTX. */
  static byte[] fatBinary(String ptx, byte[] cubin) {
    ByteArrayOutputStream entries = new ByteArrayOutputStream();
    entries.writeBytes(entry(2, 80, cubin, true));
    entries.writeBytes(entry(1, 86, (ptx + "\0").getBytes(StandardCharsets.US_ASCII), true));
    entries.writeBytes(entry(2, 86, cubin, false));
    ByteBuffer header = TestElf.buffer(FatBinary.HEADER);
    header.putInt(FatBinary.MAGIC).putShort((short) 1).putShort((short) FatBinary.HEADER);
    header.putLong(entries.size());
    return concat(TestElf.array(header), entries.toByteArray());
  }

  /** An entry; PTX entries have a header of 72 bytes in real libraries, and so here. */
  static byte[] entry(int kind, int arch, byte[] code, boolean compressed) {
    byte[] stored = compressed ? LZ4Factory.safeInstance().fastCompressor().compress(code) : code;
    int headerSize = kind == 1 ? 72 : 64;
    int padded = (stored.length + 7) / 8 * 8;
    ByteBuffer out = TestElf.buffer(headerSize + padded);
    out.putShort(0, (short) kind).putShort(2, (short) 0x101).putInt(4, headerSize);
    out.putLong(8, padded).putInt(16, compressed ? stored.length : 0).putInt(28, arch);
    out.putLong(40, compressed ? 0x2011 : 0x11).putLong(56, compressed ? code.length : 0);
    out.position(headerSize).put(stored);
    return TestElf.array(out);
  }

  /** The library; every second wrapper's address is left to a relocation, as linkers may do. */
  static byte[] of(List<byte[]> fatBinaries) {
    TestElf elf = new TestElf(X86);
    byte[] text = new byte[300];
    Arrays.fill(text, (byte) 0x5a);
    elf.add(".text", 1, text, 0);
    int strings =
        elf.add(
            ".dynstr",
            ElfFile.STRING_TABLE,
            "\0libcublas.so.11\0".getBytes(StandardCharsets.US_ASCII),
            0);
    elf.add(".dynsym", 11, new byte[24], strings);
    ByteBuffer dynamic = TestElf.buffer(5 * 16);
    dynamic.putLong(1).putLong(1);
    dynamic.putLong(5).putLong(elf.section(".dynstr").offset());
    dynamic.putLong(6).putLong(elf.section(".dynsym").offset());
    dynamic.putLong(10).putLong(elf.section(".dynstr").size());
    elf.add(".dynamic", 6, TestElf.array(dynamic), strings);
    List<Integer> addresses = new ArrayList<>();
    ByteArrayOutputStream code = new ByteArrayOutputStream();
    for (byte[] fatBinary : fatBinaries) {
      addresses.add(elf.next() + code.size());
      code.writeBytes(fatBinary);
    }
    elf.add(CudaLibrary.CODE, 1, code.toByteArray(), 0);
    int wrappersAt = elf.next();
    ByteBuffer wrappers = TestElf.buffer(addresses.size() * CudaLibrary.WRAPPER);
    ByteBuffer relocations = TestElf.buffer(addresses.size() * 24);
    for (int i = 0; i < addresses.size(); i++) {
      boolean relocated = i % 2 == 1;
      wrappers.putInt(CudaLibrary.WRAPPER_MAGIC).putInt(1);
      wrappers.putLong(relocated ? 0 : addresses.get(i)).putLong(0);
      relocations.putLong(relocated ? wrappersAt + i * CudaLibrary.WRAPPER + 8 : 0);
      relocations.putLong(relocated ? 8 : 0).putLong(addresses.get(i));
    }
    elf.add(CudaLibrary.WRAPPERS, 1, TestElf.array(wrappers), 0);
    elf.add(".rela.dyn", ElfFile.RELOCATIONS, TestElf.array(relocations), 0);
    return elf.bytes();
  }

  static Path jar(Path folder, byte[] library) throws IOException {
    Path jar = folder.resolve("back-end.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(file)) {
      zip.putNextEntry(new ZipEntry(ResultFolder.LIBRARY));
      zip.write(library);
      zip.closeEntry();
    }
    return jar;
  }

  private static byte[] concat(byte[] a, byte[] b) {
    ByteBuffer both = ByteBuffer.allocate(a.length + b.length);
    return TestElf.array(both.put(a).put(b));
  }
}
