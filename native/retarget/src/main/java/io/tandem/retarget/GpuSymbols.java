package io.tandem.retarget;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What the host calls in a module by name.
 *
 * @param kernels names of kernels
 * @param constants names of variables in constant memory
 */
record GpuSymbols(Set<String> kernels, Set<String> constants) {
  private static final Pattern KERNEL = Pattern.compile("\\.entry\\s+([\\w$%]+)");
  private static final Pattern CONSTANT =
      Pattern.compile(
          "(?m)^\\s*(?:\\.visible\\s+)?\\.const\\s+(?:\\.align\\s+\\d+\\s+)?\\.\\w+\\s+([\\w$%]+)");
  private static final int OBJECT = 1;
  private static final int FUNCTION = 2;

  /** How NVIDIA marks a function that the host may launch. */
  private static final int ENTRY = 0x10;

  /** What PTX declares. */
  static GpuSymbols ofPtx(byte[] ptx) {
    String text = new String(ptx, StandardCharsets.US_ASCII);
    return new GpuSymbols(all(KERNEL, text), all(CONSTANT, text));
  }

  /** What machine code defines; its constants are all its variables. */
  static GpuSymbols ofCubin(byte[] cubin) {
    ElfFile elf = ElfFile.of(Bytes.of(cubin));
    return new GpuSymbols(
        elf.symbols().stream()
            .filter(symbol -> symbol.defined() && symbol.type() == FUNCTION)
            .filter(symbol -> (symbol.other() & ENTRY) != 0)
            .map(ElfFile.Symbol::name)
            .collect(Collectors.toCollection(TreeSet::new)),
        elf.symbols().stream()
            .filter(symbol -> symbol.defined() && symbol.type() == OBJECT)
            .map(ElfFile.Symbol::name)
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  private static Set<String> all(Pattern pattern, String text) {
    Set<String> result = new TreeSet<>();
    for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
      result.add(matcher.group(1));
    }
    return result;
  }
}
