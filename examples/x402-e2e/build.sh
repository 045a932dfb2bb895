#!/usr/bin/env bash
# install.sh has done it.
