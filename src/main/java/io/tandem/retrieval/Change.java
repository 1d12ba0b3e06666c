package io.tandem.retrieval;

import org.jspecify.annotations.Nullable;

/**
 * An item that was added, replaced or removed between rebuilds. The last change of a key says all
 * about it: those before do not matter.
 *
 * @param time milliseconds since 1970
 * @param item null where it was removed
 */
record Change(String key, long time, @Nullable Item item) {}
