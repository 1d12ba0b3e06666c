package io.tandem.retrieval;

/**
 * How a retriever works.
 *
 * @param cachedQueries how many queries' embeddings are kept; 0 for none
 */
record Settings(int cachedQueries) {}
