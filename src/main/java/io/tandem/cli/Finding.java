package io.tandem.cli;

import org.jspecify.annotations.Nullable;

/**
 * One thing that was looked at.
 *
 * @param topic what
 * @param status whether it is as it should be
 * @param found what was found
 * @param remedy what to do, or null
 */
record Finding(String topic, Status status, String found, @Nullable String remedy) {

  /** How a thing is. */
  enum Status {
    OK,
    /** Not needed for what is asked, or not as good as it could be. */
    NOTE,
    /** Needed for what is asked, and not there. */
    MISSING
  }

  static Finding ok(String topic, String found) {
    return new Finding(topic, Status.OK, found, null);
  }

  static Finding note(String topic, String found, String remedy) {
    return new Finding(topic, Status.NOTE, found, remedy);
  }

  /** Something that is not there, which matters only where it is needed. */
  static Finding lacking(boolean needed, String topic, String found, String remedy) {
    return new Finding(topic, needed ? Status.MISSING : Status.NOTE, found, remedy);
  }
}
