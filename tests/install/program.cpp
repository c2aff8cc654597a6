// program.cpp - an outside C++ program that uses the core: z = (x + y)^2 and its derivatives.
#include <backprop/backprop.h>

#include <iostream>
#include <memory>

int main()
{
    std::unique_ptr<bp_graph, decltype(&bp_graph_free)> g(bp_graph_new(BP_F64, nullptr), bp_graph_free);
    bp_node *x = bp_input(g.get(), "x", bp_shape1(1)), *y = bp_input(g.get(), "y", bp_shape1(1));
    const bp_node *z = bp_square(bp_add(x, y));
    bp_session *made = nullptr;
    if (bp_graph_compile(g.get()) != BP_OK || bp_session_new(&made, g.get(), &z, 1, nullptr) != BP_OK) {
        std::cerr << bp_error() << '\n';
        return 1;
    }
    std::unique_ptr<bp_session, decltype(&bp_session_free)> s(made, bp_session_free);
    const double one = 1, two = 2;
    double dx = 0, dy = 0;
    bool worked = bp_session_set(s.get(), x, &one, 1) == BP_OK && bp_session_set(s.get(), y, &two, 1) == BP_OK &&
                  bp_forward(s.get(), 1) == BP_OK && bp_backward(s.get()) == BP_OK &&
                  bp_session_gradient(s.get(), x, &dx) == BP_OK && bp_session_gradient(s.get(), y, &dy) == BP_OK;
    std::cout << "z = " << bp_session_objective(s.get()) << ", dz/dx = " << dx << ", dz/dy = " << dy << '\n';
    return worked && bp_session_objective(s.get()) == 9 && dx == 6 && dy == 6 ? 0 : 1;
}
