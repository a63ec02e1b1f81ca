package io.nearkv.server.incident.report;

import java.util.List;

/** What the report of the incident does not say, and the replay therefore had to choose. */
final class Assumptions {
    /** One line each. */
    static final List<String> ALL = List.of(
            "The report gives no share of traffic for 19:40 and for 20:15 (\"the majority\"): 10 % and 80 % are ours.",
            "It gives no kinds of sessions for Access: 40 % with a device policy, 25 % fetching /certs, 35 % with neither are ours.",
            "Its store is on many machines; here it is one core node: what the incident was about is the way to it, and two processors are enough for that.",
            "The impact ends when nothing has failed for two minutes, as the report took from 20:29 to 20:31 to see that it was over.");

    private Assumptions() {}
}
