package io.tandem.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * The kernels that are packaged: every one for every architecture, and PTX for what comes after.
 * Skipped where the build found no nvcc.
 */
final class FatBinaryTest {
  private static final int MAGIC = 0xBA55ED50;
  private static final int PTX = 1;
  private static final int ELF = 2;

  @Test
  void everyKernelIsThereForEveryArchitecture() throws IOException {
    byte[] file;
    try (InputStream in = CudaContext.class.getResourceAsStream(CudaContext.RESOURCE)) {
      if (in == null) {
        String reason = "this build has no CUDA kernels: no nvcc";
        System.out.println("skipped: " + reason);
        Assumptions.abort(reason);
      }
      file = in.readAllBytes();
    }
    Map<Integer, byte[]> binaries = new TreeMap<>();
    Map<Integer, byte[]> texts = new TreeMap<>();
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(bytes.getInt(0)).isEqualTo(MAGIC);
    int end = bytes.getShort(6) + Math.toIntExact(bytes.getLong(8));
    int at = bytes.getShort(6);
    while (at < end) {
      int kind = bytes.getShort(at);
      int header = bytes.getInt(at + 4);
      int size = Math.toIntExact(bytes.getLong(at + 8));
      int architecture = bytes.getInt(at + 28);
      byte[] content = new byte[size];
      bytes.get(at + header, content);
      if (kind == ELF) {
        binaries.put(architecture, content);
      } else if (kind == PTX) {
        texts.put(architecture, content);
      }
      at += header + size;
    }

    assertThat(texts).hasSize(1);
    assertThat(binaries).isNotEmpty().containsKey(texts.keySet().iterator().next());
    List<String> kernels = kernels();
    assertThat(kernels).hasSizeGreaterThan(40);
    binaries.forEach(
        (architecture, elf) -> {
          assertThat(new String(elf, 0, 4, StandardCharsets.ISO_8859_1)).isEqualTo("\177ELF");
          String content = new String(elf, StandardCharsets.ISO_8859_1);
          assertThat(kernels)
              .allSatisfy(
                  kernel ->
                      assertThat(content.contains("\0.text." + kernel + "\0"))
                          .as("%s for sm_%d", kernel, architecture)
                          .isTrue());
        });
    String text = new String(texts.values().iterator().next(), StandardCharsets.ISO_8859_1);
    assertThat(kernels).allMatch(kernel -> text.contains(".entry " + kernel + "("));
  }

  /** Those that Java launches: KernelsTest finds each of them by name in the emulator's list. */
  private static List<String> kernels() throws IOException {
    List<String> names = new ArrayList<>();
    Matcher matcher =
        Pattern.compile("X\\((\\w+)\\)")
            .matcher(Files.readString(Path.of("../native/cuda/emulator/kernels.inc")));
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }
}
