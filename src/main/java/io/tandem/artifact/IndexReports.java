package io.tandem.artifact;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tandem.index.IndexReport;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * {@code index.json}: what building a version's index measured, but for the times of searches, so
 * that the same index has the same bytes.
 */
final class IndexReports {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private IndexReports() {}

  static void write(IndexReport report, VersionWriter writer) throws IOException {
    List<IndexReport.Point> curve =
        report.curve().stream()
            .map(point -> new IndexReport.Point(point.setting(), point.recall(), point.work(), 0))
            .toList();
    IndexReport timeless =
        new IndexReport(
            report.metric(),
            report.searchWork(),
            report.bytes(),
            report.queries(),
            curve,
            report.considered());
    try (OutputStream out = writer.create(Version.INDEX_REPORT)) {
      out.write(JSON.writeValueAsBytes(timeless));
    }
  }

  static IndexReport read(Path file) {
    if (!Files.exists(file)) {
      return IndexReport.unknown();
    }
    try {
      return JSON.readValue(file.toFile(), IndexReport.class);
    } catch (IOException | NullPointerException e) {
      throw ArtifactException.of(file + " is not an index report", e);
    }
  }
}
