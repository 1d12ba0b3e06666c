package io.tandem.artifact;

import io.tandem.index.IndexReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A version in a store: immutable on disk.
 *
 * @param id {@code <UTC time>-<hash>}: the time orders versions, the hash is that of the manifest
 * @param folder where its files are
 */
public record Version(String id, Path folder, Manifest manifest) {
  static final String MANIFEST = "manifest.json";
  static final String SPEC = "spec.yaml";
  static final String FEATURES = "features";
  static final String TOWERS = "towers";
  static final String ITEM_KEYS = "items.keys";
  static final String INDEX = "items.faiss";
  static final String INDEX_VECTORS = "items.vectors";
  static final String INDEX_REPORT = "index.json";
  static final String QUERY_SAMPLE = "queries.vectors";
  static final String ITEM_TEXTS = "items";
  static final String HISTORY = "history";
  static final String FILTERS = "filters";
  static final String ITEM_HASHES = "items.hashes";

  /** Digits of the manifest's hash in an id. */
  static final int HASH_DIGITS = 12;

  static Version read(Path folder) {
    String id = folder.getFileName().toString();
    Path file = folder.resolve(MANIFEST);
    byte[] json;
    try {
      json = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw ArtifactException.of(file, "a file", "none");
    } catch (IOException e) {
      throw ArtifactException.of("cannot read " + file, e);
    }
    String expected = id.substring(id.length() - HASH_DIGITS);
    String found = Checksums.of(json).substring(0, HASH_DIGITS);
    if (!found.equals(expected)) {
      throw ArtifactException.of(file, "SHA-256 " + expected + "…", found + "…");
    }
    return new Version(id, folder, Manifest.fromJson(json, file));
  }

  /**
   * Verifies every file and opens the version for serving.
   *
   * @throws ArtifactException if a file is missing or damaged, or parts do not belong together
   */
  public OpenVersion open() {
    return open(Checksums.Threads.ALL);
  }

  /** As {@link #open}, verifying files on the calling thread alone. */
  public OpenVersion openOnThisThread() {
    return open(Checksums.Threads.ONE);
  }

  private OpenVersion open(Checksums.Threads threads) {
    Hold hold = Hold.take(this);
    try {
      requireIntact(threads);
      return OpenVersion.open(this);
    } finally {
      hold.close();
    }
  }

  /**
   * Keeps the version from being deleted, without opening it, until the result is closed or the
   * process ends.
   */
  public AutoCloseable hold() {
    return Hold.take(this);
  }

  /** One hash over the towers and encoders: where it is the same, so is every embedding. */
  public String modelHash() {
    return Checksums.ofPart(TOWERS, manifest.files())
        + Checksums.ofPart(FEATURES, manifest.files());
  }

  /** Folder of the exported towers. */
  public Path towers() {
    return folder.resolve(TOWERS);
  }

  /** What building the index measured; {@link IndexReport#unknown} where that was not kept. */
  public IndexReport indexReport() {
    return IndexReports.read(folder.resolve(INDEX_REPORT));
  }

  /** The specification that the model was trained from, as YAML. */
  public Path spec() {
    return folder.resolve(SPEC);
  }

  /** One line for each file that is missing, damaged, or not of the version. */
  List<String> problems() {
    List<String> problems =
        new ArrayList<>(Checksums.problems(folder, manifest.files(), Checksums.Threads.ALL));
    try {
      for (Path file : Checksums.files(folder)) {
        String name = Checksums.name(folder, file);
        if (!name.equals(MANIFEST) && !manifest.files().containsKey(name)) {
          problems.add(
              file + ": expected no such file, found one of " + Files.size(file) + " bytes");
        }
      }
    } catch (IOException e) {
      problems.add(folder + ": cannot be read: " + e.getMessage());
    }
    return problems;
  }

  void requireIntact() {
    requireIntact(Checksums.Threads.ALL);
  }

  private void requireIntact(Checksums.Threads threads) {
    List<String> problems = Checksums.problems(folder, manifest.files(), threads);
    if (!problems.isEmpty()) {
      throw new ArtifactException(
          problems.size() == 1
              ? problems.get(0)
              : problems.get(0) + " (and " + (problems.size() - 1) + " more files)");
    }
    String towers = Checksums.ofPart(TOWERS, manifest.files());
    if (!manifest.index().towers().equals(towers)) {
      throw ArtifactException.of(
          folder.resolve(INDEX),
          "an index made by the towers beside it, " + towers.substring(0, HASH_DIGITS) + "…",
          "one made by " + manifest.index().towers());
    }
  }
}
