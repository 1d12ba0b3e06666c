package io.tandem.index.faiss;

import io.tandem.index.TopK;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.jspecify.annotations.Nullable;

/**
 * What one search hands to FAISS and gets back, in memory outside the heap: used by one thread at a
 * time and by many searches after each other. The JVM frees it once unreachable.
 *
 * <p>Both views of each buffer, Java's and the binding's, are of the same memory: reading a result
 * costs no call across JNI.
 */
final class SearchBuffers {
  final FloatBuffer query;
  final FloatPointer queryPointer;
  private FloatBuffer scores;
  private FloatPointer scoresPointer;
  private LongBuffer labels;
  private LongPointer labelsPointer;
  private @Nullable LongBuffer bits;
  private @Nullable BytePointer bitsPointer;

  SearchBuffers(int queryFloats, int hits) {
    query = floats(queryFloats);
    queryPointer = new FloatPointer(query);
    scores = floats(hits);
    scoresPointer = new FloatPointer(scores);
    labels = longs(hits).asLongBuffer();
    labelsPointer = new LongPointer(labels);
  }

  /** Makes room for some hits. */
  void reserve(int hits) {
    if (scores.capacity() < hits) {
      int capacity = (int) Math.min(Integer.MAX_VALUE / Long.BYTES, 2L * hits);
      scores = floats(capacity);
      scoresPointer = new FloatPointer(scores);
      labels = longs(capacity).asLongBuffer();
      labelsPointer = new LongPointer(labels);
    }
  }

  /** Makes room for a bit set. */
  LongBuffer reserveBits(int words) {
    LongBuffer current = bits;
    if (current == null || current.capacity() < words) {
      ByteBuffer bytes = longs(words);
      bitsPointer = new BytePointer(bytes);
      current = bytes.asLongBuffer();
      bits = current;
    }
    return current;
  }

  /** Takes hits over; FAISS fills up with -1 what it did not find. */
  void collect(int from, int count, TopK result) {
    result.reset(count);
    for (int i = from; i < from + count; i++) {
      long label = labels.get(i);
      if (label >= 0) {
        result.add((int) label, scores.get(i));
      }
    }
  }

  int capacity() {
    return scores.capacity();
  }

  FloatBuffer scores() {
    return scores;
  }

  FloatPointer scoresPointer() {
    return scoresPointer;
  }

  LongBuffer labels() {
    return labels;
  }

  LongPointer labelsPointer() {
    return labelsPointer;
  }

  @Nullable BytePointer bitsPointer() {
    return bitsPointer;
  }

  private static FloatBuffer floats(int count) {
    return ByteBuffer.allocateDirect(Math.multiplyExact(count, Float.BYTES))
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }

  private static ByteBuffer longs(int count) {
    return ByteBuffer.allocateDirect(Math.multiplyExact(count, Long.BYTES))
        .order(ByteOrder.nativeOrder());
  }
}
