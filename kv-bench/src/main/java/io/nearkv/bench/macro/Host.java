package io.nearkv.bench.macro;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryManagerMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * On what a figure was measured; it stands beside every figure.
 *
 * @param java the JVM and its version
 * @param collector the garbage collectors in use
 * @param processors processors that this process may use
 * @param machine the processor's name and how many there are
 * @param kernel the operating system
 */
public record Host(String java, String collector, int processors, String machine, String kernel) {
    /** Returns the description of this process and machine. */
    public static Host describe() {
        return new Host(
                System.getProperty("java.vm.name") + " " + Runtime.version(),
                String.join(
                        ", ",
                        ManagementFactory.getGarbageCollectorMXBeans().stream()
                                .map(MemoryManagerMXBean::getName)
                                .toList()),
                Runtime.getRuntime().availableProcessors(),
                processorName(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"));
    }

    private static String processorName() {
        try {
            List<String> names = Files.readString(Path.of("/proc/cpuinfo"))
                    .lines()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .toList();
            return names.isEmpty() ? "unknown" : names.size() + " x " + names.get(0);
        } catch (IOException e) {
            return "unknown";
        }
    }

    @Override
    public String toString() {
        return java + " (" + collector + ", " + processors + " processors), " + machine + ", " + kernel;
    }
}
