package io.tandem.retarget;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Asks the system's dynamic linker whether it would load a library. */
final class Linker {
  private static final Path PROGRAM = Path.of("/lib64/ld-linux-x86-64.so.2");
  private static final Pattern NOT_FOUND = Pattern.compile("(\\S+) => not found");

  /** Libraries of CUDA and its driver may be missing where there is no GPU. */
  private static final Pattern CUDA = Pattern.compile("lib(cu|nv).*");

  private Linker() {}

  /** What keeps a library from being loaded, apart from CUDA's libraries not being there. */
  static List<String> problems(Path library) throws IOException, InterruptedException {
    if (!Files.isExecutable(PROGRAM)) {
      return List.of();
    }
    ProcessBuilder builder =
        new ProcessBuilder(PROGRAM.toString(), library.toAbsolutePath().toString())
            .redirectErrorStream(true);
    builder.environment().put("LD_TRACE_LOADED_OBJECTS", "1");
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      return List.of("the dynamic linker refuses it: " + output.strip());
    }
    return NOT_FOUND
        .matcher(output)
        .results()
        .map(found -> found.group(1))
        .filter(name -> !CUDA.matcher(name).matches())
        .map(name -> "the dynamic linker does not find " + name)
        .toList();
  }
}
