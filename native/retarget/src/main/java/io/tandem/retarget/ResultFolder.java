package io.tandem.retarget;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Scanner;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Where results are kept: {@code CACHE/cuda/KEY}, the key naming the jar by its hash, the
 * architecture and the assembler. A result stands before the jar on the class path, its library by
 * the same resource name, with {@code retargeted.properties} and {@code modules.tsv} that say what
 * it is. A link {@code CACHE/cuda/JAR-sm_90} leads to the newest result for a jar by its name.
 */
final class ResultFolder {
  /** What the back end's library is called in its jar. */
  static final String LIBRARY = "org/nd4j/nativeblas/linux-x86_64/libnd4jcuda.so";

  private static final String PROPERTIES = "retargeted.properties";
  private static final String MODULES = "modules.tsv";

  private final Path cuda;
  private final Path jar;
  private final int arch;

  /**
   * @param cache folder for all results
   * @param jar the back end's, with the library in it
   * @param arch 90 for sm_90
   */
  ResultFolder(Path cache, Path jar, int arch) {
    this.cuda = cache.resolve("cuda");
    this.jar = jar;
    this.arch = arch;
  }

  /** The folder for the result of an assembler; made or not. */
  Path folder(String jarHash, String assemblerVersion) {
    return cuda.resolve(
        "nd4j-%s-sm_%d-ptxas-%s".formatted(jarHash.substring(0, 12), arch, assemblerVersion));
  }

  /** Leads to the newest result. */
  Path link() {
    String name = jar.getFileName().toString().replaceFirst("\\.jar$", "");
    return cuda.resolve("%s-sm_%d".formatted(name, arch));
  }

  /** The newest result, where there is one. */
  Optional<Path> newest() throws IOException {
    return Files.exists(link().resolve(PROPERTIES))
        ? Optional.of(link().toRealPath())
        : Optional.empty();
  }

  static boolean isComplete(Path folder) {
    return Files.exists(folder.resolve(PROPERTIES));
  }

  static Path library(Path folder) {
    return folder.resolve(LIBRARY);
  }

  /** SHA-256 of the jar, in hexadecimal. */
  String jarHash() throws IOException {
    var digest = Module.digest();
    try (OutputStream out = new DigestOutputStream(OutputStream.nullOutputStream(), digest)) {
      Files.copy(jar, out);
    }
    return java.util.HexFormat.of().formatHex(digest.digest());
  }

  /** The library out of the jar, in a file that is whole. */
  Path extract(Path target) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      ZipEntry entry = zip.getEntry(LIBRARY);
      if (entry == null) {
        throw new RetargetException("expected %s in %s, found none".formatted(LIBRARY, jar));
      }
      if (Files.exists(target) && Files.size(target) == entry.getSize()) {
        return target;
      }
      Files.createDirectories(target.toAbsolutePath().getParent());
      Path part = target.resolveSibling(target.getFileName() + ".part");
      try (InputStream in = zip.getInputStream(entry)) {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }
    return target;
  }

  /**
   * Makes a verified library a result.
   *
   * @param staged folder with the library, on the same file system; is moved
   */
  void publish(Path staged, Path folder, String jarHash, Assembler assembler, List<Module> modules)
      throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(Module.HEADER);
    modules.forEach(module -> lines.add(module.line()));
    Files.write(staged.resolve(MODULES), lines);
    Properties properties = new Properties();
    properties.setProperty("arch", "sm_" + arch);
    properties.setProperty("ptxas", assembler.version());
    properties.setProperty("jar", jar.getFileName().toString());
    properties.setProperty("jarSha256", jarHash);
    properties.setProperty("jarSize", Long.toString(Files.size(jar)));
    properties.setProperty("modules", Integer.toString(modules.size()));
    try (OutputStream out = Files.newOutputStream(staged.resolve(PROPERTIES))) {
      properties.store(out, null);
    }
    Files.move(staged, folder, StandardCopyOption.ATOMIC_MOVE);
    link(folder);
  }

  /** Makes a result the newest. */
  void link(Path folder) throws IOException {
    Path temporary = cuda.resolve(".link-" + ProcessHandle.current().pid());
    Files.deleteIfExists(temporary);
    Files.createSymbolicLink(temporary, folder.getFileName());
    Files.move(temporary, link(), StandardCopyOption.ATOMIC_MOVE);
  }

  /** The modules of a result. */
  static List<Module> modules(Path folder) throws IOException {
    return Files.readAllLines(folder.resolve(MODULES)).stream().skip(1).map(Module::parse).toList();
  }

  /**
   * Bytes that a file takes on the disk, which holes in it do not; its size where du cannot say.
   */
  static long sizeOnDisk(Path file) throws IOException {
    Process process = new ProcessBuilder("du", "--block-size=1", file.toString()).start();
    try (Scanner words = new Scanner(process.getInputStream(), StandardCharsets.UTF_8)) {
      return words.hasNextLong() ? words.nextLong() : Files.size(file);
    }
  }

  static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> paths = Files.walk(folder)) {
        for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
