package io.tandem.index.faiss;

import io.tandem.index.IndexException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** What kind of FAISS index one is, as far as searching it differs. */
enum Structure {
  /** Whole vectors, scanned: {@code IndexFlat}. */
  FLAT,
  /** A graph over whole vectors: {@code IndexHNSWFlat}. */
  HNSW,
  /** Inverted lists that take a filter: {@code IndexIVFFlat}, {@code IndexIVFPQ} and the like. */
  IVF,
  /** Any other: searched as it is, and not known to take a filter. */
  OTHER;

  private static final int TAG = 4;
  private static final Pattern HNSW_FACTORY = Pattern.compile("HNSW\\d*(,Flat)?");
  private static final Pattern IVF_FACTORY =
      Pattern.compile("IVF\\d+(\\([^)]*\\)|_HNSW\\d+)?,(Flat|SQ\\w+|PQ\\d+(x\\d+)?(np)?)");

  /** Structure of an index that a factory string makes. */
  static Structure ofFactory(String factory) {
    if (factory.equals("Flat")) {
      return FLAT;
    }
    if (HNSW_FACTORY.matcher(factory).matches()) {
      return HNSW;
    }
    return IVF_FACTORY.matcher(factory).matches() ? IVF : OTHER;
  }

  /** Structure of an index file, by the four letters that FAISS begins it with. */
  static Structure ofFile(Path file) {
    byte[] tag;
    try (InputStream in = Files.newInputStream(file)) {
      tag = in.readNBytes(TAG);
    } catch (IOException e) {
      throw new IndexException("cannot read index %s: %s".formatted(file, e.getMessage()), e);
    }
    if (tag.length < TAG) {
      throw new IndexException(
          "index %s: expected a FAISS index, found a file of %d bytes".formatted(file, tag.length));
    }
    return switch (new String(tag, StandardCharsets.ISO_8859_1)) {
      case "IxFI", "IxF2", "IxFl" -> FLAT;
      case "IHNf" -> HNSW;
      case "IwFl", "IwSq", "IwSQ", "IwPQ" -> IVF;
      default -> OTHER;
    };
  }
}
