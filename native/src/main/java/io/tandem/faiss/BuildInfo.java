package io.tandem.faiss;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/**
 * What the native library was built from and with.
 *
 * @param version FAISS's version, "1.7.3"
 * @param optLevel the instructions it was compiled for: "avx2", or "generic" (SSE2), whose searches
 *     take several times as long
 * @param source where FAISS came from: "package" (compiled from the distribution's source package)
 *     or "library" (compiled by the distribution), each with the package's version, or "folder"
 * @param compiler the compiler and its version
 */
public record BuildInfo(String version, String optLevel, String source, String compiler) {
  private static final String RESOURCE = "build.properties";

  /** The record that the build left beside this class. */
  static BuildInfo read() {
    try (InputStream in = BuildInfo.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new FaissException("expected resource " + RESOURCE + " beside " + BuildInfo.class);
      }
      Properties properties = new Properties();
      properties.load(in);
      return new BuildInfo(
          properties.getProperty("version", ""),
          properties.getProperty("optLevel", ""),
          properties.getProperty("source", ""),
          properties.getProperty("compiler", ""));
    } catch (IOException e) {
      throw new FaissException("cannot read resource " + RESOURCE, e);
    }
  }
}
