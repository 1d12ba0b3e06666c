package io.tandem.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kernel gives what its plain Java reference gives, at odd sizes too. */
final class KernelsTest {
  private static final Device REFERENCE = new ReferenceDevice();
  private static CudaDevice exact;
  private static CudaDevice tf32;
  private static CudaDevice bf16;

  @BeforeAll
  static void open() {
    exact = TestDevices.cuda(Precision.FP32);
    tf32 = TestDevices.cuda(Precision.TF32);
    bf16 = TestDevices.cuda(Precision.BF16);
  }

  @AfterAll
  static void close() {
    for (CudaDevice device : new CudaDevice[] {exact, tf32, bf16}) {
      if (device != null) {
        device.close();
      }
    }
  }

  private static CudaDevice device(Precision precision) {
    return switch (precision) {
      case FP32 -> exact;
      case TF32 -> tf32;
      case BF16 -> bf16;
    };
  }

  /** Odd widths; those that vectors take, in columns on their alignment and off it. */
  @ParameterizedTest
  @CsvSource({
    "1,1,1,1,0",
    "300,7,3,1,1",
    "65,64,40,1,0",
    "33,100,2,2,2",
    "129,64,1,3,0",
    "90,64,4,3,1",
    "40,36,3,5,4",
    "70,5,3,8,3"
  })
  void gatheringAndPooling(int rows, int dim, int longest, int segments, int gap) {
    SplittableRandom random = new SplittableRandom(rows);
    int vocabulary = 50;
    int[] offsets = new int[rows * segments + 1];
    for (int s = 0; s < rows * segments; s++) {
      offsets[s + 1] = offsets[s] + random.nextInt(longest + 1);
    }
    int n = offsets[rows * segments];
    int[] ids = random.ints(n, 0, vocabulary).toArray();
    float[] weights = floats(random, n);
    float[] table = floats(random, vocabulary * dim + 1);
    float[] dense = floats(random, rows * 3);
    int[] columns = new int[segments];
    Arrays.setAll(columns, j -> gap + j * (dim + gap));
    int width = gap + segments * (dim + gap) + 3;
    float[] before = floats(random, rows * width);
    same(
        exact,
        1e-5,
        device -> {
          Upload upload = upload(device);
          Ints c = upload.put(columns, segments);
          Ints o = upload.put(offsets, offsets.length);
          Ints i = upload.put(ids, n);
          Floats w = upload.put(weights, n);
          Floats d = upload.put(dense, dense.length);
          upload.send();
          upload.await();
          Floats out = on(device, before);
          Floats whole = on(device, table);
          // On the alignment of vectors, and off it.
          Floats aligned = whole.slice(0, (long) vocabulary * dim);
          Floats shifted = whole.slice(1, (long) vocabulary * dim);
          device.gatherPool(new Gather(aligned, dim, c, o, i, w, rows, out, width, false));
          float[] first = off(device, out);
          device.gatherPool(new Gather(shifted, dim, c, o, i, w, rows, out, width, true));
          device.placeColumns(d, 3, rows, out, width, width - 3);
          float[][] result = {first, off(device, out)};
          upload.close();
          return result;
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1,1,1",
    "31,3,10",
    "64,64,5",
    "5000,16,1000000",
    "3000,40,3",
    "7000,64,70000",
    "2100,250,300",
    "100,300,20",
    "4096,32,1",
    "20000,8,3",
    "9000,64,2",
    "7300,100,2",
    "270000,2,70000"
  })
  void rowsMoveByTheSumsOfTheirGradients(int entries, int dim, int rows) {
    int touchable = Math.min(rows, 20_000);
    for (boolean adam : new boolean[] {false, true}) {
      SplittableRandom random = new SplittableRandom(entries * 31L + dim);
      int[] ids = random.ints(entries, 0, touchable).toArray();
      int[] sources = random.ints(entries, 0, 50).map(i -> i * dim).toArray();
      float[] weights = floats(random, entries);
      float[] gradients = floats(random, 50 * dim);
      float[] table = floats(random, touchable * dim);
      float[] state = absolute(floats(random, touchable * dim));
      same(
          exact,
          1e-4,
          device -> {
            Upload upload = upload(device);
            Ints i = upload.put(ids, entries);
            Ints s = upload.put(sources, entries);
            Floats w = upload.put(weights, entries);
            upload.send();
            upload.await();
            Floats t = on(device, table);
            Floats first = on(device, adam ? state : Arrays.copyOf(state, touchable));
            Floats second = adam ? on(device, state) : null;
            device.updateRows(
                new RowUpdate(
                    t,
                    first,
                    second,
                    touchable,
                    dim,
                    entries,
                    i,
                    s,
                    w,
                    on(device, gradients),
                    0.1f));
            float[][] result = {off(device, t), off(device, first)};
            upload.close();
            return result;
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3,17,2,IDENTITY",
    "130,64,96,RELU",
    "65,33,7,TANH",
    "70,20,130,GELU",
    "64,100,65,LEAKY_RELU",
    "700,12,20,RELU"
  })
  void layersForwardAndBack(int rows, int in, int width, Activation activation) {
    for (Precision precision : new Precision[] {Precision.FP32, Precision.TF32}) {
      SplittableRandom random = new SplittableRandom(rows);
      float[] x = floats(random, rows * in);
      // Off the alignment of vectors.
      float[] w = floats(random, width * in + 1);
      float[] bias = floats(random, width);
      float[] g = floats(random, rows * width);
      double scale = Math.sqrt(Math.max(in, Math.max(rows, width)));
      same(
          device(precision),
          scale * (precision == Precision.FP32 ? 1e-6 : 2e-3),
          device -> {
            Floats before = device.floats((long) rows * width);
            Floats out = device.floats((long) rows * width);
            Floats byX = device.floats((long) rows * in);
            Floats byW = device.floats((long) width * in);
            Floats byBias = device.floats(width);
            Floats gradient = on(device, g);
            Floats weights = on(device, w).slice(1, (long) width * in);
            Floats inputs = on(device, x);
            device.layer(
                inputs, weights, on(device, bias), rows, in, width, activation, before, out);
            device.inputGradient(gradient, weights, rows, in, width, byX);
            device.weightGradient(gradient, inputs, rows, in, width, byW, byBias);
            return new float[][] {
              off(device, before),
              off(device, out),
              off(device, byX),
              off(device, byW),
              off(device, byBias)
            };
          });
    }
  }

  /** A category of few values beside rows that come once, as tables in one arena bring them. */
  @Test
  void rowsOfManyEntriesMoveBesideRowsOfOne() {
    int entries = 3 * 2048 + 321;
    int dim = 20;
    int[] ids = new int[entries];
    Arrays.setAll(ids, e -> e % 3 == 0 ? 5 : e % 3 == 1 ? 1000 + e : 70_000);
    same(
        exact,
        1e-4,
        device -> {
          SplittableRandom same = new SplittableRandom(9);
          Upload upload = upload(device);
          Ints i = upload.put(ids, entries);
          Ints s = upload.put(new int[entries], entries);
          Floats w = upload.put(floats(same, entries), entries);
          upload.send();
          upload.await();
          Floats table = on(device, floats(same, 70_001 * dim));
          Floats first = device.floats(70_001);
          Floats gradients = on(device, floats(same, dim));
          device.updateRows(
              new RowUpdate(table, first, null, 70_001, dim, entries, i, s, w, gradients, 0.1f));
          float[][] result = {off(device, table), off(device, first)};
          upload.close();
          return result;
        });
  }

  @ParameterizedTest
  @EnumSource(Activation.class)
  void pointwiseParts(Activation activation) {
    int rows = 37;
    int dim = 45;
    int n = rows * dim;
    SplittableRandom random = new SplittableRandom(7);
    float[] x = floats(random, n);
    Arrays.fill(x, dim, 2 * dim, 0);
    float[] y = new float[n];
    for (int i = 0; i < n; i++) {
      y[i] = (float) activation.apply(x[i]);
    }
    float[] g = floats(random, n);
    float[] state = absolute(floats(random, n));
    same(
        exact,
        1e-5,
        device -> {
          Floats gradient = on(device, g);
          device.activationGradient(gradient, on(device, y), on(device, x), n, activation);
          Floats unit = device.floats(n);
          Floats norms = device.floats(rows);
          device.normalize(on(device, x), rows, dim, unit, norms);
          device.normalizeGradient(unit, norms, rows, dim, gradient);
          Floats w = on(device, x);
          Floats mean = on(device, g);
          Floats square = on(device, state);
          device.denseUpdate(w, gradient, mean, square, n, 0.1f, 0.01f, 0.5f);
          device.denseUpdate(w, gradient, null, null, n, 0.1f, 0.01f, 0.5f);
          return new float[][] {
            off(device, gradient),
            off(device, unit),
            off(device, w),
            off(device, mean),
            off(device, square)
          };
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1,1,1,1",
    "1,500,16,2",
    "300,1,8,1",
    "129,260,64,1",
    "70,150,33,3",
    "140,300,128,2",
    "40,70,200,1",
    "513,700,24,1"
  })
  void softmaxForwardAndBack(int rows, int candidates, int dim, int positives) {
    SoftmaxCase problem = SoftmaxCase.random(rows, candidates, dim, positives, rows * 7L + dim);
    for (Precision precision : Precision.values()) {
      close(device(precision), precision, problem);
    }
  }

  @ParameterizedTest
  @CsvSource({"129,260,64,1", "300,70,50,2"})
  void softmaxWithoutWarpgroups(int rows, int candidates, int dim, int positives) {
    SoftmaxCase problem = SoftmaxCase.random(rows, candidates, dim, positives, rows * 7L + dim);
    for (Precision precision : new Precision[] {Precision.TF32, Precision.BF16}) {
      try (CudaDevice device = TestDevices.withoutWarpgroups(precision)) {
        close(device, precision, problem);
      }
    }
  }

  private static void close(Device device, Precision precision, SoftmaxCase problem) {
    // Logits of up to 20 in size: what the operands' rounding moves them by, relatively.
    double tolerance =
        switch (precision) {
          case FP32 -> 2e-5;
          case TF32 -> 1e-2;
          case BF16 -> 8e-2;
        };
    float[][] expected = problem.run(REFERENCE);
    float[][] found = problem.run(device);
    for (int part = 0; part < expected.length; part++) {
      double size = 0;
      double distance = 0;
      for (int i = 0; i < expected[part].length; i++) {
        size += Math.pow(expected[part][i], 2);
        distance += Math.pow(expected[part][i] - (double) found[part][i], 2);
      }
      assertThat(Math.sqrt(distance))
          .as("part %d of size %s, %s", part, Math.sqrt(size), device.name())
          .isLessThanOrEqualTo(tolerance * (Math.sqrt(size) + 0.15));
    }
  }

  private static Upload upload(Device device) {
    Upload upload = device.upload();
    upload.begin();
    return upload;
  }

  private static Floats on(Device device, float[] values) {
    Floats memory = device.floats(values.length);
    device.write(values, 0, values.length, memory);
    return memory;
  }

  private static float[] off(Device device, Floats memory) {
    float[] values = new float[(int) memory.length()];
    device.read(memory, values, 0, values.length);
    return values;
  }

  static void same(Device device, double tolerance, Function<Device, float[][]> run) {
    float[][] expected = run.apply(REFERENCE);
    float[][] found = run.apply(device);
    for (int part = 0; part < expected.length; part++) {
      assertThat(found[part]).hasSameSizeAs(expected[part]);
      double size = 0.1;
      for (float value : expected[part]) {
        size = Math.max(size, Math.abs(value));
      }
      for (int i = 0; i < expected[part].length; i++) {
        assertThat((double) found[part][i])
            .as("value %d of %d, part %d, %s", i, expected[part].length, part, device.name())
            .isCloseTo(expected[part][i], Offset.offset(tolerance * size));
      }
    }
  }

  static float[] floats(SplittableRandom random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  private static float[] absolute(float[] values) {
    float[] result = values.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] = Math.abs(result[i]);
    }
    return result;
  }
}
