"""The regression test: is an estimator as noisy, as biased and as costly as its baseline says?"""
