package io.tandem.feature;

import io.tandem.data.Interactions;

/**
 * What a query looked like at a moment of its history: the items before {@code end}, and the time.
 *
 * @param interactions where the history lies
 * @param start position of the oldest item of the history
 * @param end one past the newest: the event itself and all after it are not seen
 * @param time seconds since 1970
 */
public record QueryContext(Interactions interactions, int start, int end, long time) {}
