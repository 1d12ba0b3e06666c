package io.tandem;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.CompositeArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataBuffer;

/** Which package may use which: each line of the table is enforced. */
@AnalyzeClasses(packages = "io.tandem", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {

  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("config", List.of()),
          Map.entry("backend", List.of()),
          Map.entry("gpu", List.of()),
          Map.entry("loss", List.of("backend", "gpu")),
          Map.entry("index", List.of("config")),
          Map.entry("data", List.of("config")),
          Map.entry("feature", List.of("config", "data")),
          Map.entry(
              "tower", List.of("config", "data", "feature", "baseline", "loss", "backend", "gpu")),
          Map.entry("baseline", List.of("config", "data")),
          Map.entry("evaluation", List.of("data", "index", "backend")),
          Map.entry(
              "training",
              List.of(
                  "config",
                  "data",
                  "feature",
                  "gpu",
                  "tower",
                  "loss",
                  "baseline",
                  "evaluation",
                  "index",
                  "artifact",
                  "backend")),
          Map.entry("metrics", List.of("retrieval")),
          Map.entry("filter", List.of("config", "data", "feature", "index")),
          Map.entry("artifact", List.of("config", "data", "feature", "filter", "tower", "index")),
          Map.entry(
              "retrieval",
              List.of("config", "data", "feature", "filter", "tower", "artifact", "index")),
          Map.entry(
              "rebuild",
              List.of(
                  "config",
                  "data",
                  "feature",
                  "tower",
                  "artifact",
                  "evaluation",
                  "index",
                  "training",
                  "report")),
          Map.entry(
              "experiment",
              List.of(
                  "config",
                  "data",
                  "feature",
                  "tower",
                  "loss",
                  "artifact",
                  "evaluation",
                  "training")),
          Map.entry("report", List.of("config", "evaluation", "training")));

  @ArchTest static final ArchRule packagesUseOnlyWhatTheyMay = CompositeArchRule.of(layerRules());

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      SlicesRuleDefinition.slices().matching("io.tandem.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule onlyTheFaissPackageSeesFaiss =
      noClasses()
          .that()
          .resideInAPackage("io.tandem..")
          .and()
          .resideOutsideOfPackages(
              "io.tandem.index.faiss..", "io.tandem.faiss..", "io.tandem.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.tandem.faiss..");

  /** On CUDA an array has two copies; HostMemory keeps them the same. */
  @ArchTest
  static final ArchRule onlyTheBackendPackageTouchesAnArraysMemory =
      noClasses()
          .that()
          .resideInAPackage("io.tandem..")
          .and()
          .resideOutsideOfPackage("io.tandem.backend..")
          .should()
          .callMethodWhere(
              DescribedPredicate.describe(
                  "it gives the memory of a DataBuffer",
                  call ->
                      call.getTargetOwner().isAssignableTo(DataBuffer.class)
                          && (call.getName().startsWith("asNio")
                              || call.getName().endsWith("ointer"))));

  @ArchTest
  static final ArchRule theEmbeddedApiShowsOnlyJdkTypesAndOurOwn =
      methods()
          .that()
          .areDeclaredInClassesThat()
          .resideInAPackage("io.tandem.retrieval")
          .and()
          .arePublic()
          .should()
          .haveRawReturnType(jdkOrOwn())
          .andShould()
          .haveRawParameterTypes(
              DescribedPredicate.describe(
                  "only JDK types and our own", types -> types.stream().allMatch(jdkOrOwn())));

  @ArchTest
  static final ArchRule servingNeedsNoDeeplearning4j =
      classes()
          .that()
          .resideInAnyPackage(
              "io.tandem.retrieval..", "io.tandem.artifact..", "io.tandem.feature..")
          .should()
          .onlyDependOnClassesThat()
          .resideOutsideOfPackages("org.nd4j..", "org.deeplearning4j..");

  private static List<ArchRule> layerRules() {
    List<ArchRule> rules = new ArrayList<>();
    MAY_USE.forEach(
        (from, allowed) -> {
          List<String> forbidden = new ArrayList<>(MAY_USE.keySet());
          forbidden.add("cli");
          forbidden.remove(from);
          forbidden.removeAll(allowed);
          String[] packages =
              forbidden.stream().map(name -> "io.tandem." + name + "..").toArray(String[]::new);
          rules.add(
              noClasses()
                  .that()
                  .resideInAPackage("io.tandem." + from + "..")
                  .should()
                  .dependOnClassesThat()
                  .resideInAnyPackage(packages)
                  .allowEmptyShould(true));
        });
    return rules;
  }

  private static DescribedPredicate<JavaClass> jdkOrOwn() {
    return DescribedPredicate.describe(
        "JDK types and our own",
        type ->
            type.getBaseComponentType().isPrimitive()
                || type.getBaseComponentType().getPackageName().startsWith("java.")
                || type.getBaseComponentType().getPackageName().startsWith("io.tandem."));
  }
}
