package io.tandem.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Results for machines. */
final class Json {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Json() {}

  /**
   * Writes a result to a file, or to standard output for {@code -}; does nothing without a file.
   */
  static void write(@Nullable String file, Object result, PrintWriter out) {
    if (file == null) {
      return;
    }
    try {
      String text = MAPPER.writeValueAsString(result);
      if (file.equals("-")) {
        out.println(text);
      } else {
        Files.writeString(Path.of(file), text + "\n");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }
}
