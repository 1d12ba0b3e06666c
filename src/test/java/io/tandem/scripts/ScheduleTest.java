package io.tandem.scripts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** What {@code scripts/schedule} gives to cron, systemd and Kubernetes is right in their syntax. */
class ScheduleTest {
  private static final Path SCHEDULE = Path.of("..", "scripts", "schedule");
  private static final String SCRIPT = "/opt/tandem/scripts/rebuild-index.sh";
  private static final String STORE = "/srv/tandem/store";

  /** Least and largest value of minute, hour, day of month, month and day of week. */
  private static final int[][] RANGES = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};

  @Test
  void theCrontabHasOneLineOfFiveFieldsAndACommand() throws IOException {
    List<String> lines = lines("tandem-rebuild.crontab");
    List<String> jobs =
        lines.stream().filter(line -> !line.matches("\\s*(#.*|[A-Z_]+=.*)?")).toList();

    assertThat(jobs).hasSize(1);
    assertThat(cronProblem(jobs.get(0))).isEmpty();
    assertThat(jobs.get(0)).contains(" " + SCRIPT + " " + STORE + " ").endsWith("2>&1");
    // cron takes it for the end of the line.
    assertThat(jobs.get(0)).doesNotContain("%");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "30 2 * * *; ''",
        "*/15 0-6,22 1 1-12/3 7; ''",
        "60 2 * * *; minute",
        "30 24 * * *; hour",
        "30 2 0 * *; day of month",
        "30 2 * 13 *; month",
        "30 2 * * 8; day of week",
        "30 6-2 * * *; hour",
        "30 2 *  *; fields"
      })
  void theCheckOfFieldsKnowsRightFromWrong(String schedule, String problem) {
    assertThat(cronProblem(schedule.strip() + " command")).contains(problem.strip());
    assertThat(cronProblem(schedule.strip() + " command").isEmpty()).isEqualTo(problem.isBlank());
  }

  @Test
  void systemdAcceptsServiceAndTimer(@TempDir Path folder) throws Exception {
    Path tool =
        Stream.of(System.getenv("PATH").split(":", -1))
            .map(path -> Path.of(path, "systemd-analyze"))
            .filter(Files::isExecutable)
            .findFirst()
            .orElse(null);
    assumeTrue(tool != null, "no systemd-analyze on this machine: units are not verified");
    // It looks for the commands of units: the script's path here stands in for the installed one.
    Path script = Files.writeString(folder.resolve("rebuild-index.sh"), "#!/bin/sh\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
    for (String unit : List.of("tandem-rebuild.service", "tandem-rebuild.timer")) {
      String text = Files.readString(SCHEDULE.resolve(unit));
      Files.writeString(folder.resolve(unit), text.replace(SCRIPT, script.toString()));
    }

    String said =
        run(
            tool.toString(),
            "verify",
            "--man=no",
            folder.resolve("tandem-rebuild.timer").toString(),
            folder.resolve("tandem-rebuild.service").toString());
    String calendar = run(tool.toString(), "calendar", value("tandem-rebuild.timer", "OnCalendar"));

    assertThat(said.lines().filter(line -> line.contains("tandem-rebuild"))).isEmpty();
    assertThat(calendar).contains("Normalized form: *-*-* 02:30:00");
  }

  @Test
  void unitsCallTheScriptAsAJobThatEnds() throws IOException {
    assertThat(value("tandem-rebuild.service", "Type")).isEqualTo("oneshot");
    assertThat(value("tandem-rebuild.service", "ExecStart")).isEqualTo(SCRIPT + " " + STORE);
    assertThat(value("tandem-rebuild.timer", "WantedBy")).isEqualTo("timers.target");
  }

  @Test
  void theCronJobHasWhatKubernetesRequires() throws IOException {
    Map<?, ?> job =
        new Yaml(new SafeConstructor(new LoaderOptions()))
            .load(Files.readString(SCHEDULE.resolve("tandem-rebuild.yaml")));

    assertThat(job.get("apiVersion")).isEqualTo("batch/v1");
    assertThat(job.get("kind")).isEqualTo("CronJob");
    assertThat(String.valueOf(at(job, "metadata", "name")))
        .matches("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
    assertThat(cronProblem(at(job, "spec", "schedule") + " command")).isEmpty();
    assertThat(at(job, "spec", "concurrencyPolicy")).isEqualTo("Forbid");
    Object pod = at(job, "spec", "jobTemplate", "spec", "template", "spec");
    assertThat(at(pod, "restartPolicy")).isIn("Never", "OnFailure");
    List<?> containers = (List<?>) at(pod, "containers");
    assertThat(containers).hasSize(1);
    Object container = containers.get(0);
    assertThat(at(container, "command")).isEqualTo(List.of(SCRIPT, STORE));
    assertThat(String.valueOf(at(container, "image"))).isNotBlank();
    assertThat(String.valueOf(at(container, "resources", "limits", "memory"))).matches("\\d+Gi");
    Object mount = ((List<?>) at(container, "volumeMounts")).get(0);
    Object volume = ((List<?>) at(pod, "volumes")).get(0);
    assertThat(at(mount, "mountPath")).isEqualTo(STORE);
    assertThat(at(mount, "name")).isEqualTo(at(volume, "name"));
    assertThat(at(volume, "persistentVolumeClaim", "claimName")).isNotNull();
  }

  /** What is wrong with a line of a crontab; empty where nothing is. */
  private static String cronProblem(String line) {
    String[] names = {"minute", "hour", "day of month", "month", "day of week"};
    String[] fields = line.strip().split("\\s+", 6);
    if (fields.length < 6) {
      return "expected five fields and a command, found " + line;
    }
    for (int field = 0; field < names.length; field++) {
      for (String part : fields[field].split(",", -1)) {
        Matcher matcher =
            Pattern.compile("(\\*|(\\d+)(?:-(\\d+))?)(?:/([1-9]\\d*))?").matcher(part);
        if (!matcher.matches()) {
          return names[field] + ": " + part;
        }
        if (matcher.group(2) != null) {
          int from = Integer.parseInt(matcher.group(2));
          int to = matcher.group(3) == null ? from : Integer.parseInt(matcher.group(3));
          if (from < RANGES[field][0] || to > RANGES[field][1] || from > to) {
            return names[field] + ": " + part;
          }
        }
      }
    }
    return "";
  }

  private static Object at(Object map, String... path) {
    Object at = map;
    for (String key : path) {
      assertThat(at).as("parent of " + key).isInstanceOf(Map.class);
      at = ((Map<?, ?>) at).get(key);
      assertThat(at).as(key).isNotNull();
    }
    return at;
  }

  private static String value(String unit, String key) throws IOException {
    List<String> values =
        lines(unit).stream()
            .filter(line -> line.startsWith(key + "="))
            .map(line -> line.substring(key.length() + 1))
            .toList();
    assertThat(values).as(key).hasSize(1);
    return values.get(0);
  }

  private static List<String> lines(String file) throws IOException {
    return Files.readAllLines(SCHEDULE.resolve(file));
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return said;
  }
}
