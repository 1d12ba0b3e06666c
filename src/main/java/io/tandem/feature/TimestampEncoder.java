package io.tandem.feature;

import io.tandem.config.FeatureSpec;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;

/**
 * A time in UTC: hour and weekday as points on a circle, age as log days before the newest training
 * event. The last number is 1 where the time is missing, all others are 0 then.
 *
 * @param newest seconds since 1970 of the newest training event
 * @param event whether the time is the event's own
 */
record TimestampEncoder(FeatureSpec.Timestamp spec, long newest, boolean event) implements Encoder {
  static final long MISSING = Long.MIN_VALUE;
  private static final double SECONDS_A_DAY = 86_400;

  @Override
  public int denseWidth() {
    int width = 1;
    for (FeatureSpec.Timestamp.Part part : spec.parts()) {
      width += part == FeatureSpec.Timestamp.Part.AGE ? 1 : 2;
    }
    return width;
  }

  @Override
  public InputSchema.Slot slot() {
    throw new IllegalStateException(spec.name() + " gives dense numbers");
  }

  @Override
  public void encode(FeatureValues values, FeatureBatch target, int slot) {
    encode(values.time(spec.column()), target);
  }

  @Override
  public boolean knows(FeatureValues values) {
    return values.time(spec.column()) != MISSING;
  }

  /** Appends a time in seconds since 1970. */
  void encode(long time, FeatureBatch target) {
    boolean present = time != MISSING && Math.abs(time) < Instant.MAX.getEpochSecond();
    if (!present) {
      for (int i = 1; i < denseWidth(); i++) {
        target.addDense(0);
      }
      target.addDense(1);
      return;
    }
    ZonedDateTime moment = Instant.ofEpochSecond(time).atZone(ZoneOffset.UTC);
    for (FeatureSpec.Timestamp.Part part : spec.parts()) {
      switch (part) {
        case HOUR -> addAngle((moment.getHour() + moment.getMinute() / 60.0) / 24, target);
        case WEEKDAY -> addAngle((moment.getDayOfWeek().getValue() - 1) / 7.0, target);
        case AGE ->
            target.addDense((float) Math.log1p(Math.max(0, (newest - time) / SECONDS_A_DAY)));
      }
    }
    target.addDense(0);
  }

  private static void addAngle(double turn, FeatureBatch target) {
    target.addDense((float) Math.sin(2 * Math.PI * turn));
    target.addDense((float) Math.cos(2 * Math.PI * turn));
  }
}
