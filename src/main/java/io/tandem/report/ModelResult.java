package io.tandem.report;

import io.tandem.evaluation.Evaluation;

/**
 * What was measured of a model.
 *
 * @param model its name, as tables show it
 * @param seenItems what happened to items that a query had seen before: excluded or ranked
 */
public record ModelResult(String model, String seenItems, Evaluation evaluation) {}
