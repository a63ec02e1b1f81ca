package io.nearkv.bench.macro;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Processor time from {@code /proc}: of one process with all its threads, and of the machine. Linux only; elsewhere every answer is {@link #UNKNOWN}. */
public final class ProcessCpu {
    /** Where there is no {@code /proc}, or no such process. */
    public static final long UNKNOWN = -1;

    /** What Linux reports these times in, on every platform that Java runs on. */
    private static final long NANOS_PER_TICK = 10_000_000;

    private ProcessCpu() {}

    /** Returns the user and system time that a process has used so far, in nanoseconds, exact to 10 ms. */
    public static long processNanos(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            // The name may contain blanks and brackets; what follows its last bracket does not.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * NANOS_PER_TICK;
        } catch (IOException | RuntimeException e) {
            return UNKNOWN;
        }
    }

    /** Returns what several processes have used together. */
    public static long processNanos(long... pids) {
        long all = 0;
        for (long pid : pids) {
            long one = processNanos(pid);
            if (one == UNKNOWN) {
                return UNKNOWN;
            }
            all += one;
        }
        return all;
    }

    /** Returns the time that all processors together were busy so far, in nanoseconds, time stolen by the host included. */
    public static long machineNanos() {
        try {
            String[] fields = Files.readString(Path.of("/proc/stat"))
                    .lines()
                    .findFirst()
                    .orElse("")
                    .trim()
                    .split(" +", -1);
            // cpu user nice system idle iowait irq softirq steal
            long ticks = 0;
            for (int field : new int[] {1, 2, 3, 6, 7, 8}) {
                ticks += Long.parseLong(fields[field]);
            }
            return ticks * NANOS_PER_TICK;
        } catch (IOException | RuntimeException e) {
            return UNKNOWN;
        }
    }
}
