package io.tandem.retarget;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * One fat binary's PTX and what became of it.
 *
 * @param number place of the fat binary in the library, from 0
 * @param ptx SHA-256 of its PTX
 * @param cubin SHA-256 of the machine code
 * @param size bytes of machine code
 * @param kernels how many there are
 * @param level optimization level of the assembler
 * @param failures why higher levels did not work
 */
record Module(
    int number,
    String ptx,
    String cubin,
    long size,
    int kernels,
    int level,
    List<String> failures) {
  static final String HEADER = "module\tptx_sha256\tcubin_sha256\tbytes\tkernels\tlevel\tfailures";

  /** A line of the table of modules. */
  String line() {
    return String.join(
        "\t",
        Integer.toString(number),
        ptx,
        cubin,
        Long.toString(size),
        Integer.toString(kernels),
        Integer.toString(level),
        String.join("; ", failures).replaceAll("\\s", " "));
  }

  static Module parse(String line) {
    String[] fields = line.split("\t", -1);
    if (fields.length != 7) {
      throw new RetargetException(
          "expected 7 fields of a module, found %d: %s".formatted(fields.length, line));
    }
    try {
      return new Module(
          Integer.parseInt(fields[0]),
          fields[1],
          fields[2],
          Long.parseLong(fields[3]),
          Integer.parseInt(fields[4]),
          Integer.parseInt(fields[5]),
          fields[6].isEmpty() ? List.of() : List.of(fields[6].split("; ")));
    } catch (NumberFormatException e) {
      throw new RetargetException("expected a line of the table of modules, found: " + line, e);
    }
  }

  static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(digest().digest(bytes));
  }

  static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
