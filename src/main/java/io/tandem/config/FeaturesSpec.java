package io.tandem.config;

import java.util.List;

/** The inputs of each tower, in the order in which they are laid out. */
public record FeaturesSpec(List<FeatureSpec> query, List<FeatureSpec> item) {
  public FeaturesSpec {
    query = List.copyOf(query);
    item = List.copyOf(item);
  }
}
