package io.tandem.data;

import java.nio.ByteBuffer;

/** Compares a string with bytes of UTF-8 without encoding or decoding either. */
final class Utf8 {
  private Utf8() {}

  /** Whether {@code key} encodes to the bytes from {@code start} until {@code end}. */
  static boolean equals(String key, ByteBuffer bytes, int start, int end) {
    int length = key.length();
    if (end - start < length) {
      return false;
    }
    int at = start;
    for (int i = 0; i < length; i++) {
      char c = key.charAt(i);
      if (c < 0x80) {
        if (at >= end || bytes.get(at++) != (byte) c) {
          return false;
        }
        continue;
      }
      int codePoint = key.codePointAt(i);
      if (Character.isSupplementaryCodePoint(codePoint)) {
        i++;
      } else if (Character.isSurrogate(c)) {
        // An unpaired surrogate has no UTF-8; Java encodes it as this.
        codePoint = '?';
      }
      int width = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
      if (at + width > end || !encodes(codePoint, width, bytes, at)) {
        return false;
      }
      at += width;
    }
    return at == end;
  }

  private static boolean encodes(int codePoint, int width, ByteBuffer bytes, int at) {
    if (width == 1) {
      return bytes.get(at) == (byte) codePoint;
    }
    int lead = (0xF00 >> width) & 0xFF;
    int shift = 6 * (width - 1);
    if (bytes.get(at) != (byte) (lead | codePoint >> shift)) {
      return false;
    }
    for (int i = 1; i < width; i++) {
      shift -= 6;
      if (bytes.get(at + i) != (byte) (0x80 | (codePoint >> shift & 0x3F))) {
        return false;
      }
    }
    return true;
  }
}
