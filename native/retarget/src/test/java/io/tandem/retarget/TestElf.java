package io.tandem.retarget;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes small ELF files: sections one after the other, each mapped where it lies in the file. */
final class TestElf {
  private static final int SECTION_HEADER = 64;
  private static final int PROGRAM_HEADERS = 2;

  private final ByteArrayOutputStream content = new ByteArrayOutputStream();
  private final List<Section> sections = new ArrayList<>();
  private final int machine;

  record Section(String name, int type, int offset, int size, int link) {}

  TestElf(int machine) {
    this.machine = machine;
    content.writeBytes(new byte[64 + PROGRAM_HEADERS * 56]);
    sections.add(new Section("", 0, 0, 0, 0));
  }

  static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** All that a buffer holds. */
  static byte[] array(ByteBuffer buffer) {
    byte[] result = new byte[buffer.capacity()];
    buffer.clear().get(result);
    return result;
  }

  /** Where the next section will begin. */
  int next() {
    return (content.size() + 7) / 8 * 8;
  }

  /** Adds a section; its number. */
  int add(String name, int type, byte[] bytes, int link) {
    content.writeBytes(new byte[next() - content.size()]);
    sections.add(new Section(name, type, content.size(), bytes.length, link));
    content.writeBytes(bytes);
    return sections.size() - 1;
  }

  Section section(String name) {
    return sections.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
  }

  /** The file, with an ABI version of 7 as machine code for GPUs has it. */
  byte[] bytes() {
    ByteArrayOutputStream names = new ByteArrayOutputStream();
    List<Integer> nameOffsets = new ArrayList<>();
    List<String> all = new ArrayList<>(sections.stream().map(Section::name).toList());
    all.add(".shstrtab");
    for (String name : all) {
      nameOffsets.add(names.size());
      names.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
      names.write(0);
    }
    add(".shstrtab", ElfFile.STRING_TABLE, names.toByteArray(), 0);
    int table = next();
    content.writeBytes(new byte[table - content.size()]);
    ByteBuffer headers = buffer(sections.size() * SECTION_HEADER);
    for (int i = 0; i < sections.size(); i++) {
      Section section = sections.get(i);
      int at = i * SECTION_HEADER;
      headers.putInt(at, nameOffsets.get(i)).putInt(at + 4, section.type());
      headers.putLong(at + 16, section.offset()).putLong(at + 24, section.offset());
      headers.putLong(at + 32, section.size()).putInt(at + 40, section.link());
    }
    content.writeBytes(array(headers));
    byte[] file = content.toByteArray();
    header(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN), table);
    return file;
  }

  private void header(ByteBuffer file, int table) {
    file.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
    file.put(8, (byte) (machine == 190 ? 7 : 0));
    file.putShort(16, (short) 3).putShort(18, (short) machine).putInt(20, 1);
    file.putLong(32, 64).putLong(40, table).putShort(52, (short) 64).putShort(54, (short) 56);
    file.putShort(56, (short) PROGRAM_HEADERS).putShort(58, (short) 64);
    file.putShort(60, (short) sections.size()).putShort(62, (short) (sections.size() - 1));
    segment(file, 64, 1, 0, file.limit());
    boolean dynamic = sections.stream().anyMatch(s -> s.name().equals(".dynamic"));
    segment(
        file,
        64 + 56,
        dynamic ? 2 : 0,
        dynamic ? section(".dynamic").offset() : 0,
        dynamic ? section(".dynamic").size() : 0);
  }

  private static void segment(ByteBuffer file, int at, int type, int offset, int size) {
    file.putInt(at, type).putInt(at + 4, 6).putLong(at + 8, offset).putLong(at + 16, offset);
    file.putLong(at + 24, offset).putLong(at + 32, size).putLong(at + 40, size);
    file.putLong(at + 48, type == 1 ? 0x1000 : 8);
  }
}
