package io.tandem.faiss;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** FAISS refused a call, or could not be loaded. */
public class FaissException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** "Error in FUNCTION at FILE:LINE: Error: 'CONDITION' failed: REASON", the last two optional. */
  private static final Pattern NATIVE_MESSAGE =
      Pattern.compile(
          "Error in .*? at \\S*:\\d+: (?:Error: '(?<condition>.*?)' failed:?)?(?<reason>.*)",
          Pattern.DOTALL);

  /**
   * @param message what was expected and what was found
   */
  public FaissException(String message) {
    super(message);
  }

  /**
   * @param message what was expected and what was found
   * @param cause the failure underneath, or null
   */
  public FaissException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /**
   * A failure as the binding reports it, with FAISS's reason for its message and without the name
   * and place of the C++ function; those stay in the cause.
   */
  static FaissException of(RuntimeException failure) {
    return new FaissException(reason(failure.getMessage()), failure);
  }

  static String reason(@Nullable String message) {
    if (message == null || message.isBlank()) {
      return "FAISS failed without saying why";
    }
    Matcher matcher = NATIVE_MESSAGE.matcher(message.strip());
    if (!matcher.matches()) {
      return message.strip();
    }
    String reason = matcher.group("reason").strip();
    return reason.isEmpty() ? "expected " + matcher.group("condition") : reason;
  }
}
