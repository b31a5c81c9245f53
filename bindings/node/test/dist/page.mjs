import './readme.mjs';

dispatchEvent(new Event('ended'));
