package io.tandem.config;

/**
 * Everything that defines a model: its data, features, towers, training, index and rebuilding.
 *
 * <p>Read from one YAML file by {@link SpecReader}; a copy travels in every artifact the model
 * produces. Relative paths are resolved against the file's folder while reading, so that a
 * specification means the same wherever it is used from.
 *
 * @param name names the model in tables and reports
 */
public record ModelSpec(
    String name,
    DataSpec data,
    FeaturesSpec features,
    ModelConfig model,
    TrainingConfig training,
    IndexConfig index,
    RebuildConfig rebuild) {

  /** The same specification over other data. */
  public ModelSpec withData(DataSpec other) {
    return new ModelSpec(name, other, features, model, training, index, rebuild);
  }
}
