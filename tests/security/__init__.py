"""Attacks on Polaris, each as a test that fails without what refuses it."""
