package io.tandem.cli;

import io.tandem.backend.Backend;
import io.tandem.backend.NvidiaDriver;
import io.tandem.faiss.BuildInfo;
import io.tandem.faiss.Faiss;
import io.tandem.faiss.FaissGpu;
import io.tandem.gpu.NcclCollective;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description =
        "Looks at what this machine and this build offer: ND4J's back end, GPU, driver, CUDA's"
            + " libraries, memory, threads, FAISS. Says what is missing and what to do about it.",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:what is asked for can be used", "1:something that it needs is missing"},
    footer = {
      "",
      "  tandem doctor                             training and serving on the CPU",
      "  tandem doctor --need gpu                  whether there is a GPU to train on",
      "  TANDEM_BACKEND=cuda tandem doctor --need cuda   whether training on it can begin"
    })
final class DoctorCommand implements Callable<Integer> {
  private static final String KERNELS = "io/tandem/gpu/tandem.fatbin";
  private static final Set<String> FAST_BLAS = Set.of("Haswell", "Zen", "SkylakeX", "Cooperlake");
  private static final long GIB = 1L << 30;
  private static final double SMALL_HEAP = 1.5;

  /** What a machine is to be used for. */
  enum Need {
    /** Training and serving on the CPU. */
    CPU,
    /** A GPU with its driver, whatever the back end on the class path. */
    GPU,
    /** Training on the GPU, with this back end. */
    CUDA
  }

  @Option(
      names = "--need",
      paramLabel = "KIND",
      description =
          "What must be there for status 0: ${COMPLETION-CANDIDATES}; by default ${DEFAULT-VALUE}.")
  Need need = Need.CPU;

  @Option(
      names = "--no-trial",
      description = "Do not compute anything with the back end, which takes some seconds.")
  boolean noTrial;

  @Mixin JsonOutput output = new JsonOutput();

  @Override
  public Integer call() {
    List<Finding> findings = findings();
    boolean usable =
        findings.stream().noneMatch(finding -> finding.status() == Finding.Status.MISSING);
    PrintWriter out = output.text();
    for (Finding finding : findings) {
      out.printf(
          "%-8s %-13s %s%n",
          finding.status().name().toLowerCase(Locale.ROOT), finding.topic(), finding.found());
      if (finding.remedy() != null) {
        out.printf("%-22s → %s%n", "", finding.remedy());
      }
    }
    out.println(usable ? "Usable." : "Not usable as asked: see what is missing.");
    out.flush();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("need", need.name().toLowerCase(Locale.ROOT));
    json.put("usable", usable);
    json.put("findings", findings);
    output.json(json);
    return usable ? 0 : Failure.FAILED;
  }

  private List<Finding> findings() {
    List<Finding> findings = new ArrayList<>();
    Backend backend = Backend.find().orElse(null);
    NvidiaDriver driver = NvidiaDriver.find();
    findings.add(java());
    findings.add(heap());
    findings.add(backend(backend));
    boolean usable = findings.get(findings.size() - 1).status() == Finding.Status.OK;
    gpu(driver, findings);
    if (backend != null && backend.kind() == Backend.Kind.CUDA) {
      findings.add(libraries());
      findings.add(code(driver));
    }
    findings.add(kernels());
    if (driver.gpus().size() > 1) {
      findings.add(collective(driver.gpus().size()));
    }
    findings.add(threads());
    findings.add(faiss());
    if (findings.get(findings.size() - 1).status() != Finding.Status.MISSING) {
      findings.add(blas());
    }
    if (!driver.gpus().isEmpty()) {
      findings.add(faissOnGpu());
    }
    boolean gpuMissing =
        need == Need.CUDA
            && findings.stream().anyMatch(found -> found.status() == Finding.Status.MISSING);
    if (usable && !noTrial && need != Need.GPU && !gpuMissing) {
      findings.add(BackendTrial.run());
    }
    return findings;
  }

  private static Finding java() {
    return Finding.ok(
        "Java",
        "%s on %s, %d processors"
            .formatted(
                Runtime.version(),
                System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors()));
  }

  private static Finding heap() {
    double heap = (double) Runtime.getRuntime().maxMemory() / GIB;
    String total = "";
    if (ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean system) {
      total =
          String.format(Locale.ROOT, " of %.1f GiB", (double) system.getTotalMemorySize() / GIB);
    }
    String found = String.format(Locale.ROOT, "heap up to %.1f GiB%s", heap, total);
    return heap < SMALL_HEAP
        ? Finding.note("memory", found, "give the JVM more with TANDEM_JAVA_OPTS=-Xmx...")
        : Finding.ok("memory", found);
  }

  private Finding backend(@Nullable Backend backend) {
    if (backend == null) {
      return Finding.lacking(
          need != Need.GPU,
          "back end",
          "none of ND4J's is on the class path",
          "scripts/tandem brings one; a service that only answers queries needs none");
    }
    String found = "%s (%s)".formatted(backend.kind(), backend.name());
    return need == Need.CUDA && backend.kind() != Backend.Kind.CUDA
        ? Finding.lacking(
            true, "back end", found, "run with TANDEM_BACKEND=cuda, as scripts/train-gpu.sh does")
        : Finding.ok("back end", found);
  }

  private void gpu(NvidiaDriver driver, List<Finding> findings) {
    boolean needed = need != Need.CPU;
    if (driver.gpus().isEmpty()) {
      String module = driver.version().map(version -> ", kernel module " + version).orElse("");
      findings.add(
          driver.library()
              ? Finding.lacking(
                  needed,
                  "GPU",
                  "a driver%s, but nvidia-smi finds no GPU".formatted(module),
                  "in a container, start it with --gpus all; otherwise run nvidia-smi to see why")
              : Finding.lacking(
                  needed,
                  "GPU",
                  "no NVIDIA driver: libcuda.so.1 cannot be loaded%s".formatted(module),
                  "with a GPU, install NVIDIA's driver; without one, training runs on the CPU"));
      return;
    }
    findings.add(
        Finding.ok(
            "driver",
            "%s, CUDA up to %s"
                .formatted(driver.version().orElse("?"), driver.cuda().orElse("?"))));
    for (NvidiaDriver.Gpu gpu : driver.gpus()) {
      findings.add(
          Finding.ok(
              "GPU",
              "%s, sm_%d, %,d MiB, %,d free"
                  .formatted(gpu.name(), gpu.arch(), gpu.memory(), gpu.free())));
    }
  }

  private Finding libraries() {
    List<String> missing = Backend.missingLibraries();
    return missing.isEmpty()
        ? Finding.ok("CUDA", "all libraries that the back end links to")
        : Finding.lacking(
            need == Need.CUDA,
            "CUDA",
            "missing " + String.join(", ", missing),
            "install CUDA 11.8's libraries and name their folder in LD_LIBRARY_PATH, or build with"
                + " -Pcuda,cuda-redist (2 GB), as scripts/train-gpu.sh does");
  }

  /** Whether the back end's code fits the GPU. */
  private Finding code(NvidiaDriver driver) {
    Backend.Retargeted retargeted = Backend.retargeted().orElse(null);
    String found =
        retargeted == null
            ? "the back end's own, up to sm_86, and PTX"
            : "%s, by ptxas %s".formatted(retargeted.arch(), retargeted.ptxas());
    if (driver.gpus().isEmpty()) {
      return Finding.ok("GPU code", found);
    }
    int arch = driver.gpus().get(0).arch();
    return switch (Backend.fit(retargeted, arch)) {
      case FITS -> Finding.ok("GPU code", found);
      case TRANSLATED ->
          Finding.note(
              "GPU code",
              "%s: the driver translates it for sm_%d, up to half an hour at the first start"
                  .formatted(found, arch),
              "scripts/retarget-cuda.sh assembles it ahead of time");
      case NONE ->
          Finding.lacking(
              need == Need.CUDA,
              "GPU code",
              "%s: nothing that sm_%d runs".formatted(found, arch),
              "scripts/retarget-cuda.sh --arch sm_" + arch);
    };
  }

  /** Tandem's own, which training on a GPU uses besides the back end. */
  private static Finding kernels() {
    return DoctorCommand.class.getClassLoader().getResource(KERNELS) != null
        ? Finding.ok("kernels", "Tandem's CUDA kernels are in this build")
        : Finding.note(
            "kernels",
            "this build has no CUDA kernels of Tandem's",
            "for training on a GPU, install CUDA's nvcc and build again");
  }

  /** What several GPUs train one model through. */
  private static Finding collective(int gpus) {
    String missing = NcclCollective.missing();
    return missing == null
        ? Finding.ok(
            "NCCL",
            "%s, for training on up to %d GPUs (training.devices)"
                .formatted(NcclCollective.version(), gpus))
        : Finding.note("NCCL", "not found: training uses one GPU of " + gpus, missing);
  }

  private static Finding faissOnGpu() {
    String problem = FaissGpu.problem();
    return problem == null
        ? Finding.ok("FAISS, GPU", "lists are trained and filled on the GPU")
        : Finding.note(
            "FAISS, GPU", problem, "native/build-faiss-gpu.sh builds it, in about an hour");
  }

  private static Finding threads() {
    String threads = System.getenv("OMP_NUM_THREADS");
    String found = "BLAS and FAISS: " + (threads == null ? "all processors" : threads + " threads");
    return "PASSIVE".equalsIgnoreCase(System.getenv("OMP_WAIT_POLICY"))
        ? Finding.ok("threads", found)
        : Finding.note(
            "threads",
            found + "; idle ones spin",
            "set OMP_WAIT_POLICY=PASSIVE and GOMP_SPINCOUNT=0 where cores are shared");
  }

  private static Finding faiss() {
    BuildInfo build = Faiss.buildInfo();
    String found =
        "%s for %s, from %s, %s"
            .formatted(build.version(), build.optLevel(), build.source(), build.compiler());
    try {
      Faiss.load();
    } catch (RuntimeException e) {
      return Finding.lacking(true, "FAISS", found + ": " + e.getMessage(), "build it here again");
    }
    return build.optLevel().equals("generic")
        ? Finding.note(
            "FAISS",
            found + ": SSE2 only, several times slower",
            "native/build-faiss.sh says how to have it compiled for AVX2")
        : Finding.ok("FAISS", Faiss.comparesWide() ? found + ", codes by AVX-512" : found);
  }

  private static Finding blas() {
    String kernels = Faiss.blasKernels();
    return FAST_BLAS.contains(kernels)
        ? Finding.ok("BLAS", "OpenBLAS computes with its kernels for " + kernels)
        : Finding.note(
            "BLAS",
            "OpenBLAS computes with its kernels for " + kernels + ", which do without AVX2",
            "on a processor with AVX2, set OPENBLAS_CORETYPE=Haswell, as scripts/tandem does");
  }
}
