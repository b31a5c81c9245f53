'use strict';

module.exports = require('./library.cjs').library(require('./native.cjs'));
