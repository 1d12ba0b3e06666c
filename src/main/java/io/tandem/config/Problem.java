package io.tandem.config;

/**
 * One thing wrong with a specification.
 *
 * @param line in the file, from 1; 0 where no line is to blame
 * @param key dotted path, such as {@code training.batch}
 */
public record Problem(int line, String key, String expected, String found) {}
