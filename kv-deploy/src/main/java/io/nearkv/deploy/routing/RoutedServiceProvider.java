package io.nearkv.deploy.routing;

import io.nearkv.core.route.RouteTransport;
import io.nearkv.core.route.RoutedService;
import io.nearkv.core.route.ServiceRouting;
import io.nearkv.deploy.model.SafetyLayers;

/** What the network's client finds when it is told to route. Stateless. */
public final class RoutedServiceProvider implements ServiceRouting {
    /** Made by {@link java.util.ServiceLoader}. */
    public RoutedServiceProvider() {}

    @Override
    public RoutedService open(Setup setup, RouteTransport transport) {
        return ServiceRoutes.open(setup, transport, SafetyLayers.ALL);
    }
}
