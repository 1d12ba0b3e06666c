package io.tandem.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** Entry point of the {@code tandem} command. */
@Command(
    name = "tandem",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "Trains two-tower retrieval models, indexes their items and answers queries.",
    subcommands = {
      TrainCommand.class,
      EvaluateCommand.class,
      CompareCommand.class,
      TuneCommand.class,
      RetrieveCommand.class,
      IndexCommand.class,
      RebuildCommand.class,
      VersionsCommand.class,
      VerifyCommand.class,
      RollbackCommand.class,
      DoctorCommand.class,
      CommandLine.HelpCommand.class
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:done",
      "1:the work failed, or a check refused its result",
      "2:the call, its specification or its data is wrong"
    },
    footer = {
      "",
      "A first session:",
      "  tandem train models/quickstart.yaml --out store",
      "  tandem evaluate store",
      "  tandem retrieve store --query userId=15 --exclude-seen --show title"
    })
public final class Main {

  @Option(
      names = "--stack-trace",
      scope = ScopeType.INHERIT,
      description = "Show where an error came from, beside its message.")
  boolean stackTrace;

  private Main() {}

  /** Runs a command and exits with its status. */
  public static void main(String[] arguments) {
    int status = run(arguments);
    // Exiting twice waits forever, and whoever stops the process waits for this thread.
    if (!StopHook.isStopping()) {
      System.exit(status);
    }
  }

  /** Runs a command and gives its exit status. */
  static int run(String... arguments) {
    Main main = new Main();
    CommandLine commandLine = new CommandLine(main);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExecutionExceptionHandler(
        (exception, command, parsed) -> Failure.report(exception, main.stackTrace, command));
    return commandLine.execute(arguments);
  }

  /** Reads the version that the build put into the jar. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"tandem " + (version == null ? "(not packaged)" : version)};
    }
  }
}
