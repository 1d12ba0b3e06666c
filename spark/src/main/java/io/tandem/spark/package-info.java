/**
 * Apache Spark for catalogues and query logs that one machine is too small or too slow for: the
 * same features, towers, retriever and index as everywhere else, on partitions of a table. Nothing
 * else in Tandem knows Spark.
 *
 * <p>May use: config, data, feature, tower, artifact, filter, index, retrieval, rebuild.
 */
@NullMarked
package io.tandem.spark;

import org.jspecify.annotations.NullMarked;
