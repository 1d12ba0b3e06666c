package io.tandem.retrieval;

/**
 * A retrieved item.
 *
 * @param item its key
 * @param score dot product of the query's and the item's embedding
 */
public record Hit(String item, float score) {}
