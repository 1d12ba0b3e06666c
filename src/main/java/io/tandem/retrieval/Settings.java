package io.tandem.retrieval;

import org.jspecify.annotations.Nullable;

/**
 * How retrievals work.
 *
 * @param cachedQueries how many queries' embeddings are kept; 0 for none
 * @param listener null for none: nothing is measured then
 * @param shadow null for none
 */
record Settings(
    int cachedQueries, @Nullable RetrieverListener listener, @Nullable ShadowSearch shadow) {}
