package io.tandem.report;

/** A picture for a page. */
public interface Drawing {
  /** One {@code svg} element that needs nothing outside itself. */
  String toSvg();
}
