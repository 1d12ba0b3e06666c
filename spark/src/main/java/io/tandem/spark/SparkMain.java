package io.tandem.spark;

import io.tandem.artifact.ArtifactException;
import io.tandem.artifact.Store;
import io.tandem.artifact.Version;
import io.tandem.config.SpecException;
import io.tandem.data.DataException;
import java.nio.file.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The main class for spark-submit. */
@Command(
    name = "tandem-spark",
    mixinStandardHelpOptions = true,
    subcommands = {EmbedCommand.class, RetrieveCommand.class, RebuildCommand.class},
    description =
        "Tandem on Apache Spark: embeds catalogues, rebuilds stores and answers many queries"
            + " at once.",
    footer = {
      "",
      "spark-submit --class io.tandem.spark.SparkMain --jars \"$(ls -m spark/target/lib/*.jar | tr -d ' \\n')\" \\",
      "  spark/target/tandem-spark.jar embed store --items items.parquet --key movieId --out vectors"
    })
public final class SparkMain {
  private SparkMain() {}

  /** Runs a command; a failure ends the process with status 1, wrong input with 2. */
  public static void main(String[] arguments) {
    int status = run(arguments);
    // Before the process ends: its cluster would take executors for lost, and start others.
    scala.Option<SparkSession> session = SparkSession.getDefaultSession();
    if (session.isDefined()) {
      session.get().stop();
    }
    if (status != 0) {
      System.exit(status);
    }
  }

  static int run(String... arguments) {
    CommandLine commandLine = new CommandLine(new SparkMain());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          Throwable cause = cause(failure);
          command.getErr().println("tandem-spark: " + cause.getMessage());
          command.getErr().flush();
          boolean wrong =
              cause instanceof DataException
                  || cause instanceof SpecException
                  || cause instanceof IllegalArgumentException;
          return wrong ? 2 : 1;
        });
    return commandLine.execute(arguments);
  }

  /** What a task failed of, where Spark says only that one did. */
  private static Throwable cause(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof DataException || at instanceof ArtifactException) {
        return at;
      }
    }
    return failure;
  }

  /** A store, the version that is current now, and how executors get it. */
  static final class Model {
    @Parameters(paramLabel = "STORE", description = "Store whose current version is used.")
    Path store = Path.of("");

    @Option(
        names = "--send",
        description =
            "Send the version's files to the executors; without it, every machine sees the store"
                + " at the same path.")
    boolean send;

    Version version() {
      Version version = Store.open(store).current();
      // Until the process ends: executors read its files.
      version.hold();
      return version;
    }

    VersionFiles files(SparkSession spark, Version version) {
      return send ? VersionFiles.send(version, spark.sparkContext()) : VersionFiles.shared(version);
    }
  }

  /** A table to read. */
  static final class Input {
    @Option(
        names = "--key",
        paramLabel = "COLUMN",
        description = "Column of the key; by default as in the store's specification.")
    @Nullable String key;

    @Option(
        names = "--format",
        paramLabel = "FORMAT",
        defaultValue = "parquet",
        description =
            "parquet, csv (with a header; every column is read as text), orc or json; default"
                + " ${DEFAULT-VALUE}.")
    String format = "parquet";

    Dataset<Row> read(SparkSession spark, String path) {
      return Table.read(spark, path, format);
    }

    String key(String specified) {
      String given = key;
      return given == null ? specified : given;
    }
  }

  static SparkSession session() {
    // Times without a zone are UTC, as everywhere in the engine.
    return SparkSession.builder()
        .appName("tandem")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate();
  }
}
