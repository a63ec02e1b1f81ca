package io.nearkv.server.incident.process;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How this program is started again as another process. Immutable.
 *
 * @param command the command line up to and with the main class
 */
public record ChildJvm(List<String> command) {
    private static final String MAIN = "io.nearkv.server.Main";

    /** Small and quick to start: a dozen of them share a machine, and none has much to do. */
    private static final List<String> OPTIONS = List.of(
            "-Xmx160m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8");

    /** What is taken over from this process: where natives lie, and the archive of classes that halves the time to start. */
    private static final List<String> INHERITED = List.of(
            "-Djava.library.path=",
            "-XX:SharedArchiveFile=",
            "-XX:AOTCache=",
            "-Xlog:cds",
            "-Xlog:aot",
            "--enable-native-access=",
            "--sun-misc-unsafe-memory-access=");

    /** Makes a copy. */
    public ChildJvm {
        command = List.copyOf(command);
    }

    /** Returns the way this very process was started, with small settings. */
    public static ChildJvm ofThisProcess() {
        return of(System.getProperty("java.class.path"));
    }

    /** Returns the same with another class path. */
    public static ChildJvm of(String classPath) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(OPTIONS);
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (INHERITED.stream().anyMatch(option::startsWith)) {
                command.add(option);
            }
        }
        command.addAll(List.of("-cp", classPath, MAIN));
        return new ChildJvm(command);
    }

    /** Starts it with these arguments; its errors go to the file. */
    Process start(Path folder, Path errors, List<String> arguments) throws IOException {
        List<String> whole = new ArrayList<>(command);
        whole.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(whole)
                .directory(folder.toFile())
                .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile()));
        // Settings of whoever runs the replay are not for its machines.
        builder.environment().keySet().removeIf(name -> name.startsWith("NEARKV_") || name.equals("JAVA_TOOL_OPTIONS"));
        builder.environment().put("LC_ALL", "C.UTF-8");
        return builder.start();
    }
}
