package io.tandem.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReportTest {

  @Test
  void tablesAlignNumbersToTheRight() {
    Table table = new Table("model", "recall").row("popularity", 0.05).row("two towers", 12.25);

    assertThat(table.toString())
        .isEqualTo(
            """
            model        recall
            popularity   0.0500
            two towers  12.2500
            """);
  }

  @Test
  void rowsOfAnotherWidthAreRefused() {
    assertThatThrownBy(() -> new Table("a", "b").row(1)).hasMessage("row has 1 cells, expected 2");
  }

  @Test
  void pagesHoldEverythingAndEscapeText(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("new/report.html");

    new Page("A <b> title")
        .heading("Curves")
        .curves(
            new Curves("Loss", "epoch", "loss")
                .add("training", new double[] {1, 2}, new double[] {3, 2}))
        .table(new Table("title").row("<script>"))
        .write(file);

    String html = Files.readString(file);
    assertThat(html)
        .contains("A &lt;b&gt; title", "<svg", "&lt;script&gt;")
        .doesNotContain("<script", "http-equiv", "src=", "href=\"http");
  }
}
