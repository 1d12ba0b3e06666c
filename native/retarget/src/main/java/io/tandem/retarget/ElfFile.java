package io.tandem.retarget;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The parts of a 64-bit little-endian ELF file that this tool needs. Everything it names lies
 * inside of the file: what does not is refused when the file is opened.
 */
final class ElfFile {
  static final int STRING_TABLE = 3;
  static final int SYMBOL_TABLE = 2;
  static final int RELOCATIONS = 4;
  static final int NO_BITS = 8;

  private static final int MAGIC = 0x464c457f;
  private static final int HEADER = 64;
  private static final int SECTION_HEADER = 64;
  private static final int PROGRAM_HEADER = 56;
  private static final int SYMBOL = 24;

  private final Bytes bytes;
  private final List<Section> sections;
  private final List<Segment> segments;

  /** A section; offset and size are in the file, but for {@link #NO_BITS}. */
  record Section(String name, int type, long address, long offset, long size, int link) {
    /** First byte behind it. */
    long end() {
      return offset + size;
    }

    boolean holds(long at) {
      return at >= address && at < address + size;
    }
  }

  /** A piece of the file that is mapped when it is loaded. */
  record Segment(int type, long offset, long address, long fileSize) {}

  /**
   * A symbol.
   *
   * @param type STT_OBJECT 1, STT_FUNC 2
   * @param other visibility, and for GPU code what kind of function
   */
  record Symbol(String name, int type, int other, boolean defined) {}

  private ElfFile(Bytes bytes) {
    this.bytes = bytes;
    ByteBuffer header = bytes.read(0, HEADER);
    if (header.getInt(0) != MAGIC || header.get(4) != 2 || header.get(5) != 1) {
      throw new RetargetException("expected a 64-bit little-endian ELF file, found another file");
    }
    segments = readSegments(header.getLong(32), Short.toUnsignedInt(header.getShort(56)));
    sections =
        readSections(
            header.getLong(40),
            Short.toUnsignedInt(header.getShort(60)),
            Short.toUnsignedInt(header.getShort(62)));
  }

  /**
   * Reads the headers.
   *
   * @throws RetargetException if this is no such file, or a header points out of it
   */
  static ElfFile of(Bytes bytes) {
    return new ElfFile(bytes);
  }

  private List<Segment> readSegments(long offset, int count) {
    List<Segment> result = new ArrayList<>();
    ByteBuffer table = bytes.read(offset, count * PROGRAM_HEADER);
    for (int at = 0; at < table.limit(); at += PROGRAM_HEADER) {
      Segment segment =
          new Segment(
              table.getInt(at),
              table.getLong(at + 8),
              table.getLong(at + 16),
              table.getLong(at + 32));
      inside("segment " + result.size(), segment.offset(), segment.fileSize());
      result.add(segment);
    }
    return List.copyOf(result);
  }

  /** Some cubins have more sections than the header's 16 bits can say; the first section says. */
  private List<Section> readSections(long offset, int shortCount, int shortNames) {
    if (offset == 0) {
      return List.of();
    }
    ByteBuffer first = bytes.read(offset, SECTION_HEADER);
    long count = shortCount == 0 ? first.getLong(32) : shortCount;
    int names = shortNames == 0xffff ? first.getInt(40) : shortNames;
    if (count < 0 || count > Integer.MAX_VALUE / SECTION_HEADER || names < 0 || names >= count) {
      throw new RetargetException(
          "expected a section table, found %d sections, their names in section %d"
              .formatted(count, names));
    }
    ByteBuffer table = bytes.read(offset, (int) count * SECTION_HEADER);
    long nameTable = table.getLong(names * SECTION_HEADER + 24);
    List<Section> result = new ArrayList<>();
    for (int at = 0; at < table.limit(); at += SECTION_HEADER) {
      Section section =
          new Section(
              bytes.text(nameTable + Integer.toUnsignedLong(table.getInt(at))),
              table.getInt(at + 4),
              table.getLong(at + 16),
              table.getLong(at + 24),
              table.getLong(at + 32),
              table.getInt(at + 40));
      if (section.type() != NO_BITS && section.type() != 0) {
        inside("section " + section.name(), section.offset(), section.size());
      }
      result.add(section);
    }
    return List.copyOf(result);
  }

  private void inside(String what, long offset, long size) {
    if (offset < 0 || size < 0 || offset > bytes.size() - size) {
      throw new RetargetException(
          "expected %s inside of the file's %d bytes, found %d bytes at offset %d"
              .formatted(what, bytes.size(), size, offset));
    }
  }

  Bytes bytes() {
    return bytes;
  }

  List<Section> sections() {
    return sections;
  }

  List<Segment> segments() {
    return segments;
  }

  Optional<Section> section(String name) {
    return sections.stream().filter(section -> section.name().equals(name)).findFirst();
  }

  /**
   * A section that must be there.
   *
   * @throws RetargetException if it is not
   */
  Section required(String name) {
    return section(name)
        .orElseThrow(() -> new RetargetException("expected section " + name + ", found none"));
  }

  /** What a section holds. */
  ByteBuffer content(Section section) {
    if (section.size() > Integer.MAX_VALUE) {
      throw new RetargetException(
          "expected section %s below 2 GiB, found %d bytes"
              .formatted(section.name(), section.size()));
    }
    return bytes.read(section.offset(), (int) section.size());
  }

  private Bytes names(Section section) {
    byte[] names = new byte[(int) section.size()];
    content(section).get(names);
    return Bytes.of(names);
  }

  /** Symbols of the full symbol table; none where it was stripped. */
  List<Symbol> symbols() {
    List<Symbol> result = new ArrayList<>();
    for (Section section : sections) {
      if (section.type() == SYMBOL_TABLE) {
        addSymbols(section, result);
      }
    }
    return result;
  }

  private void addSymbols(Section section, List<Symbol> result) {
    if (section.link() < 0 || section.link() >= sections.size()) {
      throw new RetargetException(
          "expected a string table of section %s, found number %d of %d"
              .formatted(section.name(), section.link(), sections.size()));
    }
    Bytes names = names(sections.get(section.link()));
    ByteBuffer table = content(section);
    for (int at = 0; at + SYMBOL <= table.limit(); at += SYMBOL) {
      result.add(
          new Symbol(
              names.text(Integer.toUnsignedLong(table.getInt(at))),
              table.get(at + 4) & 0xf,
              Byte.toUnsignedInt(table.get(at + 5)),
              table.getShort(at + 6) != 0));
    }
  }
}
