package io.nearkv.server.incident.product;

import java.util.List;

/** All rows of the impact table. */
public final class Products {
    private Products() {}

    /** Returns new products, in the order of the table. */
    public static List<Product> all(Surroundings world) {
        return List.of(
                new StoreClient(world),
                new NoStore(world),
                new Pages(world),
                new Access(world),
                new ZeroTrust(world),
                new Images(world),
                new CachePurge(world),
                new WorkerUploads(world),
                new AiGateway(world),
                new WaitingRoom(world),
                new Turnstile(world),
                new ChallengePages(world),
                new Dashboard(world),
                new DeploymentTools(world));
    }
}
