package io.tandem.artifact;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a version holds: {@code manifest.json}. A version's id ends with the first digits of this
 * file's SHA-256, and the file lists those of all others, so that an id vouches for every byte.
 *
 * @param format of the whole version folder; this engine reads {@value #FORMAT}
 * @param created UTC, ISO 8601
 * @param itemsAsOf when the items were read, UTC, ISO 8601: changes of items up to this moment are
 *     contained; null for none
 * @param parent id of the version that was current when this one was made
 * @param spec name of the model's specification
 * @param model its type, as in the specification: {@code two_tower} or {@code popularity}
 * @param items number of items
 * @param dimension width of the item vectors
 * @param queryKey column of the query's key in the interactions
 * @param itemKey column of the item's key in the interactions
 * @param attributes columns of the item attributes that are kept for display, in order
 * @param metrics results of the evaluation before publishing, by name
 * @param rebuilt what became of the items of the version before; null where it was not asked
 * @param gates what the version had to pass to be published, in order
 * @param files size and SHA-256 of every other file, by its path in the folder
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Manifest(
    int format,
    String created,
    @Nullable String itemsAsOf,
    @Nullable String parent,
    String spec,
    String model,
    int items,
    int dimension,
    String queryKey,
    String itemKey,
    List<String> attributes,
    IndexInfo index,
    Map<String, Double> metrics,
    @Nullable Rebuilt rebuilt,
    List<Gate> gates,
    SortedMap<String, FileInfo> files) {

  /** The format that is written and read. */
  public static final int FORMAT = 1;

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  public Manifest {
    attributes = List.copyOf(attributes);
    gates = gates == null ? List.of() : List.copyOf(gates);
    metrics = Collections.unmodifiableSortedMap(new TreeMap<>(metrics));
    files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
  }

  /**
   * The index, and what made it.
   *
   * @param type FAISS's name
   * @param parameters of the search, by FAISS's names
   * @param recall measured share of the exact top {@code recallAt} that it finds
   * @param towers hash over the tower files that embedded its items
   */
  public record IndexInfo(
      String type, Map<String, Integer> parameters, double recall, int recallAt, String towers) {
    public IndexInfo {
      parameters = Collections.unmodifiableSortedMap(new TreeMap<>(parameters));
    }
  }

  /**
   * What became of the items of the version before.
   *
   * @param source that the items were read from
   * @param added items that it did not have
   * @param changed items of other features than it had
   * @param removed items that it had
   * @param unchanged items of the same features
   * @param embedded items that were embedded anew; the others' vectors were taken over
   * @param trained whether the towers were trained anew
   */
  public record Rebuilt(
      String source,
      int added,
      int changed,
      int removed,
      int unchanged,
      int embedded,
      boolean trained) {}

  /**
   * One thing that a version had to be to be published.
   *
   * @param value what was measured; null where it could not be
   * @param expected in words, such as {@code at least 0.8}
   * @param found in words
   * @param why it was published all the same; null but where it was forced
   */
  public record Gate(
      String name,
      Verdict verdict,
      @Nullable Double value,
      String expected,
      String found,
      @Nullable String why) {

    /** The same, but published all the same. */
    public Gate forced(String reason) {
      return new Gate(name, Verdict.FORCED, value, expected, found, reason);
    }
  }

  /** What a gate said. */
  public enum Verdict {
    PASSED,
    REFUSED,
    /** It refused, and somebody wanted the version all the same. */
    FORCED,
    /** There was nothing to measure with. */
    NOT_MEASURED
  }

  /**
   * What a file must be.
   *
   * @param size in bytes
   * @param sha256 64 hexadecimal digits
   */
  public record FileInfo(long size, String sha256) {}

  /** The same, with what was decided about it. */
  Manifest decided(@Nullable Rebuilt newRebuilt, List<Gate> newGates) {
    Map<String, Double> all = new TreeMap<>(metrics);
    for (Gate gate : newGates) {
      if (gate.value() != null) {
        all.put("gate." + gate.name(), gate.value());
      }
    }
    return new Manifest(
        format,
        created,
        itemsAsOf,
        parent,
        spec,
        model,
        items,
        dimension,
        queryKey,
        itemKey,
        attributes,
        index,
        all,
        newRebuilt,
        newGates,
        files);
  }

  byte[] toJson() {
    try {
      return JSON.writeValueAsBytes(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a manifest is always writable", e);
    }
  }

  /**
   * Reads a manifest.
   *
   * @param file named in errors
   */
  static Manifest fromJson(byte[] json, Path file) {
    try {
      JsonNode tree = JSON.readTree(json);
      JsonNode format = tree.path("format");
      if (!format.isInt() || format.intValue() != FORMAT) {
        throw ArtifactException.of(
            file, "format " + FORMAT, format.isMissingNode() ? "none" : format);
      }
      Manifest manifest = JSON.treeToValue(tree, Manifest.class);
      for (String name : manifest.files.keySet()) {
        Path path = Path.of(name);
        if (path.isAbsolute() || !path.normalize().equals(path) || path.startsWith("..")) {
          throw ArtifactException.of(file, "files inside the version", name);
        }
      }
      return manifest;
    } catch (IOException | NullPointerException e) {
      throw ArtifactException.of(file + " is not a manifest", e);
    }
  }
}
