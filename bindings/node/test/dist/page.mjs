import './readme.mjs';
