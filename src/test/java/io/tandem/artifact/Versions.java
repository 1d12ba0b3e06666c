package io.tandem.artifact;

import io.tandem.config.IndexConfig;
import io.tandem.index.BuiltIndex;
import io.tandem.index.VectorIndex;
import io.tandem.index.faiss.FaissBuilder;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Small versions whose towers are any bytes: enough for a store. */
final class Versions {
  private Versions() {}

  static Version publish(Store store, String content) throws IOException {
    IndexConfig config = IndexConfig.of(IndexConfig.Type.FLAT).withRecall(0.9, 10);
    Path towers = Files.createTempDirectory("towers");
    Files.writeString(towers.resolve("query"), "query tower " + content);
    Files.writeString(towers.resolve("item"), "item tower " + content);
    try (VersionWriter writer = store.newVersion();
        FaissBuilder builder = new FaissBuilder(2, config)) {
      writer.copyFolder(towers, Version.TOWERS);
      try (OutputStream out = writer.create(Version.SPEC)) {
        out.write(("name: " + content + "\n").getBytes(StandardCharsets.UTF_8));
      }
      builder.add(new float[] {1, 2, 3, 4}, 2);
      BuiltIndex built = builder.build(new float[0], 0);
      try (VectorIndex index = built.index()) {
        try (OutputStream out = writer.create(Version.INDEX)) {
          out.write(index.type().getBytes(StandardCharsets.UTF_8));
        }
      }
      return writer.publish(
          writer.draft(
              new VersionWriter.Facts(
                  content,
                  Publisher.TWO_TOWER,
                  "userId",
                  "movieId",
                  List.of("title"),
                  built,
                  2,
                  2,
                  Map.of("recall@10", 0.25),
                  Instant.parse("2026-01-01T00:00:00Z"))));
    }
  }
}
