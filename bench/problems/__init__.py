"""The problems, one family per file; here is the table of their names."""

PROBLEMS = {
    "belief_net": "bench.problems.belief_net:BeliefNet",
    "beta_bernoulli": "bench.problems.beta_bernoulli:BetaBernoulli",
    "categorical_quadratic": "bench.problems.categorical_quadratic:CategoricalQuadratic",
    "count_quadratic": "bench.problems.count_quadratic:CountQuadratic",
    "dirichlet_multinomial": "bench.problems.dirichlet_multinomial:DirichletMultinomial",
    "discrete_vae": "bench.problems.discrete_vae:DiscreteVAE",
    "entropy_regularized": "bench.problems.entropy_regularized:EntropyRegularized",
    "expectation": "bench.problems.expectation:Expectation",
    "gamma_poisson": "bench.problems.gamma_poisson:GammaPoisson",
    "gan": "bench.problems.gan:GAN",
    "gaussian_elbo": "bench.problems.gaussian_elbo:GaussianElbo",
    "gridworld": "bench.problems.gridworld:Gridworld",
    "group_bandit": "bench.problems.group_bandit:GroupBandit",
    "importance_weighted": "bench.problems.importance_weighted:ImportanceWeighted",
    "kl_regularized": "bench.problems.kl_regularized:KLRegularized",
    "linear_gaussian": "bench.problems.linear_gaussian:LinearGaussian",
    "linear_vae": "bench.problems.linear_vae:LinearVae",
    "logistic_regression": "bench.problems.logistic_regression:LogisticRegression",
    "mdp": "bench.problems.mdp:Mdp",
    "qubit": "bench.problems.qubit:Qubit",
    "sequence_policy": "bench.problems.sequence_policy:SequencePolicy",
    "vae": "bench.problems.vae:VAE",
}
"""Name -> where the class is. The modules are imported when they are asked for."""
